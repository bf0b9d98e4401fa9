"""A server that events are pushed to, whose answers a test determines byte by byte."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

__all__ = ["OK", "Received", "Receiver", "answer", "closing", "hasty", "stalling"]


class Received(NamedTuple):
    """A request, and the number of its connection."""

    connection: int
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers each request by its next answer, the last one again and again.

    An answer is the bytes of it, or an action that returns whether the connection stays open.
    """

    port: int = 0
    answers: list[bytes | Callable[[socket.socket, Receiver], bool]] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    """Set at the end: what an action waits for."""
    closed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released with each connection that the server has closed."""
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    @contextmanager
    def serving(cls, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
        receiver = cls()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            receiver.port = listening.getsockname()[1]
            thread = threading.Thread(target=receiver._accept, args=(listening, tls))
            thread.start()
            try:
                yield receiver
            finally:
                receiver.released.set()
                listening.shutdown(socket.SHUT_RDWR)
                thread.join(10)
                for serving in receiver._threads:
                    serving.join(10)

    def _accept(self, listening: socket.socket, tls: ssl.SSLContext | None) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(connection, self.connections, tls))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket, number: int, tls: ssl.SSLContext | None) -> None:
        connection.settimeout(10)
        with suppress(OSError), connection:
            stream = tls.wrap_socket(connection, server_side=True) if tls else connection
            with stream:
                while not self.released.is_set() and (received := _request(stream, number)):
                    with self._lock:
                        self.requests.append(received)
                        action = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                    if isinstance(action, bytes):
                        stream.sendall(action)
                    elif not action(stream, self):
                        break
        self.closed.release()


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An answer of a status; `_` in names of headers is `-`."""
    fields = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body


OK = answer(200, b"fine")


def closing(content: bytes = b"") -> Callable[[socket.socket, Receiver], bool]:
    """Sends some bytes, and closes the connection."""

    def act(stream: socket.socket, _receiver: Receiver) -> bool:
        stream.sendall(content)
        return False

    return act


def stalling(content: bytes) -> Callable[[socket.socket, Receiver], bool]:
    """Sends some bytes, and nothing more."""

    def act(stream: socket.socket, receiver: Receiver) -> bool:
        stream.sendall(content)
        receiver.released.wait(10)
        return False

    return act


@contextmanager
def hasty(content: bytes) -> Iterator[int]:
    """A port that answers once, without TLS, as soon as a request begins, and closes."""

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(100)
            connection.sendall(content)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


def _request(stream: socket.socket, number: int) -> Received | None:
    content = b""
    while b"\r\n\r\n" not in content:
        some = stream.recv(65536)
        if not some:
            return None
        content += some
    head, _, body = content.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in fields)}
    while len(body) < int(headers["content-length"]):
        body += stream.recv(65536)
    return Received(number, line, headers, body)
