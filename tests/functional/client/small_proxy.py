"""An HTTP proxy that records everything that it could read, and resolves the hosts of the tests."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SmallProxy"]


class SmallProxy:
    """`heads` are the requests made to it, `seen` all bytes that it was sent; `refuses` is what it answers instead.

    Any name but `nowhere.test` is this machine.
    """

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.seen = bytearray()
        self.refuses = ""
        self.port = 0

    @contextmanager
    def running(self) -> Iterator[SmallProxy]:
        server = _Server(("127.0.0.1", 0), _Handler)
        server.proxy = self
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    @property
    def lines(self) -> list[str]:
        return [head.splitlines()[0] for head in self.heads]


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    proxy: SmallProxy


class _Handler(StreamRequestHandler):
    rbufsize = 0
    server: _Server

    def handle(self) -> None:
        proxy = self.server.proxy
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.rfile.read(1)
            if not byte:
                return
            head += byte
        proxy.seen += head
        text = head.decode()
        proxy.heads.append(text)
        method, target, version = text.splitlines()[0].split()
        if proxy.refuses:
            self.wfile.write(f"HTTP/1.1 {proxy.refuses}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            return
        if method == "CONNECT":
            far = socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2])), timeout=10)
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            url = urlsplit(target)
            far = socket.create_connection(("127.0.0.1", url.port or 80), timeout=10)
            path = f"{url.path}?{url.query}" if url.query else url.path
            far.sendall(f"{method} {path} {version}\r\nConnection: close\r\n".encode() + head.split(b"\r\n", 1)[1])
        with far:
            back = threading.Thread(target=_carry, args=[far, self.connection, bytearray()], daemon=True)
            back.start()
            _carry(self.connection, far, proxy.seen)
            back.join()


def _carry(source: socket.socket, target: socket.socket, seen: bytearray) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            seen += data
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
