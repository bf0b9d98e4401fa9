"""TLS and users in front of a Kafka broker that has neither: a relay that logs clients in (Kafka protocol, "SASL")."""

from __future__ import annotations

import hashlib
import hmac
import socket
import struct
import threading
from base64 import b64decode, b64encode
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

__all__ = ["login_in_front_of"]

_LOCAL = "127.0.0.1"
_PRODUCE = 0
_API_VERSIONS, _HANDSHAKE, _AUTHENTICATE = 18, 17, 36
_WITH_ADDRESSES = {3, 10, 60}
"""Metadata, FindCoordinator, DescribeCluster: their answers name the broker's port."""
_FLEXIBLE = 3
_UNSUPPORTED_MECHANISM, _FAILED = 33, 58
_HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
_SALT, _ROUNDS = b"the salt", 4096


class _Login:
    """One client's login, by what the messages of its mechanism say."""

    def __init__(self, mechanism: str, secret: str) -> None:
        self._mechanism = mechanism
        self._secret = secret
        self._first = ""
        self.done = False

    def answer(self, content: bytes) -> bytes | None:
        """Return the answer to a message; None if the client is refused."""
        if self._mechanism in _HASHES:
            return self._challenge(content.decode()) if not self._first else self._final(content.decode())
        user, _, password = self._secret.partition(":")
        expected = {
            "PLAIN": f"\0{user}\0{password}",
            "OAUTHBEARER": f"n,,\x01auth=Bearer {self._secret}\x01\x01",
        }
        self.done = content.decode() == expected[self._mechanism]
        return b"" if self.done else None

    def _challenge(self, content: str) -> bytes:
        # RFC 5802: n,,n=user,r=nonce
        bare = content.removeprefix("n,,")
        challenge = f"{bare.partition('r=')[2]}the-servers"
        self._first = f"{bare},r={challenge},s={b64encode(_SALT).decode()},i={_ROUNDS}"
        return self._first.removeprefix(f"{bare},").encode()

    def _final(self, content: str) -> bytes | None:
        hash_name = _HASHES[self._mechanism]
        user, _, password = self._secret.partition(":")
        salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), _SALT, _ROUNDS)
        unproven, _, proof = content.rpartition(",p=")
        signed = f"{self._first},{unproven}".encode()
        client_key = hmac.digest(salted, b"Client Key", hash_name)
        stored = hashlib.new(hash_name, client_key).digest()
        signature = hmac.digest(stored, signed, hash_name)
        proven = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self.done = b64decode(proof) == proven and self._first.startswith(f"n={user},")
        verifier = hmac.digest(hmac.digest(salted, b"Server Key", hash_name), signed, hash_name)
        return b"v=" + b64encode(verifier) if self.done else None


class _Handler(BaseRequestHandler):
    """One connection: requests go to the broker one after the other, those of the login do not."""

    port: int
    own_port: int
    tls: ssl.SSLContext | None
    mechanism: str
    secret: str
    lost: list[int]

    def handle(self) -> None:
        with suppress(OSError), socket.create_connection((_LOCAL, self.port)) as broker:
            self._client = self.tls.wrap_socket(self.request, server_side=True) if self.tls else self.request
            self._login = _Login(self.mechanism, self.secret)
            try:
                while True:
                    self._serve(_frame(self._client), broker)
            finally:
                self._client.close()

    def _serve(self, request: bytes, broker: socket.socket) -> None:
        api, version, number = struct.unpack_from(">hhi", request)
        (length,) = struct.unpack_from(">h", request, 8)
        body = request[10 + max(0, length) :]
        if api == _API_VERSIONS:
            _send(broker, struct.pack(">hhih", api, 0, number, -1))
            _send(self._client, self._versions(_frame(broker), version))
        elif api == _HANDSHAKE:
            known = body[2:].decode() == self.mechanism
            error = 0 if known else _UNSUPPORTED_MECHANISM
            _send(self._client, struct.pack(">ihi", number, error, 1) + _text(self.mechanism))
        elif api == _AUTHENTICATE:
            answer = self._login.answer(body[4:])
            error = _FAILED if answer is None else 0
            content = answer or b""
            _send(
                self._client,
                struct.pack(">ih", number, error)
                + (_text("wrong user or password") if error else b"\xff\xff")
                + struct.pack(">i", len(content))
                + content
                + (struct.pack(">q", 0) if version else b""),
            )
        elif not self.mechanism or self._login.done:
            _send(broker, request)
            answer = _frame(broker)
            if api == _PRODUCE and self.lost:
                self.lost.pop()
                raise ConnectionResetError("the answer is lost")
            if api in _WITH_ADDRESSES:
                answer = answer.replace(struct.pack(">i", self.port), struct.pack(">i", self.own_port))
            _send(self._client, answer)
        else:
            raise ConnectionResetError("nobody has logged in")

    def _versions(self, answer: bytes, version: int) -> bytes:
        """Return which requests there are, those of the login among them."""
        number, _, count = struct.unpack_from(">ihi", answer)
        found = {key: (least, most) for key, least, most in struct.iter_unpack(">hhh", answer[10 : 10 + 6 * count])}
        if self.mechanism:
            found |= {_HANDSHAKE: (0, 1), _AUTHENTICATE: (0, 1)}
        rows = [struct.pack(">hhh", key, *between) for key, between in sorted(found.items())]
        if version < _FLEXIBLE:
            throttled = struct.pack(">i", 0) if version else b""
            return struct.pack(">ihi", number, 0, len(rows)) + b"".join(rows) + throttled
        count = len(rows) + 1
        length = bytes([count]) if count < 128 else bytes([count % 128 + 128, count // 128])
        return struct.pack(">ih", number, 0) + length + b"".join(row + b"\0" for row in rows) + b"\0" * 5


@contextmanager
def login_in_front_of(
    port: int, *, tls: ssl.SSLContext | None = None, mechanism: str = "", secret: str = "", lost: int = 0
) -> Iterator[int]:
    """Listen on a port in front of a broker's during the block.

    Args:
        port: The broker's.
        tls: The TLS context for incoming connections.
        mechanism: The SASL mechanism that clients must use; empty for none.
        secret: The user and the password, `user:password`, or the token.
        lost: How many of the first answers to appends are lost, and the connection with each.
    """
    members = {"port": port, "tls": tls, "mechanism": mechanism, "secret": secret, "lost": [*range(lost)]}
    with ThreadingTCPServer((_LOCAL, 0), type("Handler", (_Handler,), members)) as server:
        server.daemon_threads = True
        own_port = server.server_address[1]
        server.RequestHandlerClass.own_port = own_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield own_port
        finally:
            server.shutdown()
            thread.join(10)


def _frame(source: socket.socket) -> bytes:
    (length,) = struct.unpack(">i", _exactly(source, 4))
    return _exactly(source, length)


def _exactly(source: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        part = source.recv(length - len(content))
        if not part:
            raise ConnectionResetError("the other side has closed the connection")
        content += part
    return content


def _send(to: socket.socket, content: bytes) -> None:
    to.sendall(struct.pack(">i", len(content)) + content)


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()
