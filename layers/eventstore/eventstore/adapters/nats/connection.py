"""A connection to a NATS server that blocks: requests, and answers of one or more messages.

The maintained clients of NATS for Python are for asyncio. The core is synchronous, and needs little of the protocol
(NATS documentation, "Client Protocol"; ADR-4 for headers).
"""

from __future__ import annotations

import json
import socket
import ssl
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING, Any, cast
from weakref import finalize

from eventstore.adapters.nats.errors import Refused
from eventstore.adapters.nats.incoming import Incoming
from eventstore.adapters.nats.messages import Message, published, status_of
from eventstore.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.nats.address import NatsUrl, Server
    from eventstore.adapters.nats.messages import Request

__all__ = ["Connection"]

_REFUSALS = ("authorization", "authentication", "user authentication", "permissions violation")

_REQUESTS_IN_FLIGHT = 128
_BYTES_IN_FLIGHT = 32 * 1024 * 1024
"""How many requests may wait for answers, and how long these can be together. The requests fit into the buffers of the
sockets, so no write waits for a server that waits for a reader; the answers are below the 64 MB (`max_pending`) at
which the server ends the connection of a client that does not read."""


class Connection:
    """A connection to one server. One thread at a time uses it; after an `OSError` it is of no use.

    Args:
        server: The server.
        url: Says who connects, and whether encrypted.
        seconds: How long the server may take for an answer, or a part of it.

    Attributes:
        info: What the server said of itself (`INFO`).

    Raises:
        OSError: The server does not answer.
        Refused: It refuses the user, or its certificate is not valid.
        SettingsError: The user has a key, and what signs with it is not installed.
    """

    def __init__(self, server: Server, url: NatsUrl, *, seconds: float) -> None:
        self._inbox = f"_INBOX.{token_hex(11)}".encode()
        self._numbers = count(1)
        self._socket = socket.create_connection(server, seconds)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._incoming = Incoming(self._socket)
            # The first line is not encrypted: TLS begins after it.
            self.info = self._info()
            if url.tls or self.info.get("tls_required"):
                self._encrypt(server.host, url)
            self._introduce(url)
        except BaseException:
            self._socket.close()
            raise
        self._close = finalize(self, self._socket.close)

    def close(self) -> None:
        """Close the connection; it is also closed with the last reference to it."""
        self._close()

    def request(self, subject: str, content: bytes) -> Message:
        """Send a message, and return the answer."""
        reply = self._reply()
        self._socket.sendall(published(subject, reply, content))
        while True:
            to, message = self._next()
            # Others are the rest of what an earlier use did not wait for.
            if to == reply:
                return message

    def pipeline(self, requests: Sequence[Request]) -> list[list[Message]]:
        """Send requests without waiting for each answer, and return the answers of each."""
        answers: list[list[Message]] = [[] for _ in requests]
        awaited: dict[bytes, int] = {}
        sent = waiting_bytes = 0
        while sent < len(requests) or awaited:
            # Many in one write, so not after each answer.
            if len(awaited) <= _REQUESTS_IN_FLIGHT // 2 and waiting_bytes <= _BYTES_IN_FLIGHT // 2:
                writes: list[bytes] = []
                while sent < len(requests) and len(awaited) < _REQUESTS_IN_FLIGHT and waiting_bytes < _BYTES_IN_FLIGHT:
                    request, reply = requests[sent], self._reply()
                    writes.append(published(request.subject, reply, request.content))
                    awaited[reply] = sent
                    waiting_bytes += request.most_bytes
                    sent += 1
                if writes:
                    self._socket.sendall(b"".join(writes))
            to, message = self._next()
            number = awaited.get(to)
            if number is not None:
                answers[number].append(message)
                if message.status or not requests[number].batch:
                    del awaited[to]
                    waiting_bytes -= requests[number].most_bytes
        return answers

    def _reply(self) -> bytes:
        return b"%b.%d" % (self._inbox, next(self._numbers))

    def _introduce(self, url: NatsUrl) -> None:
        options: dict[str, object] = {
            "verbose": False,
            "pedantic": False,
            "lang": "python-blocking",
            "version": "1",
            "protocol": 1,
            "headers": True,
            "no_responders": True,
        }
        options |= {"user": url.user, "pass": url.password} if url.user else {}
        options |= {"auth_token": url.token} if url.token else {}
        if url.creds or url.nkey:
            options |= _signed(url, self.info.get("nonce", ""))
        self._socket.sendall(b"CONNECT %b\r\nSUB %b.* 1\r\nPING\r\n" % (json.dumps(options).encode(), self._inbox))
        while self._line() != b"PONG":
            pass

    def _info(self) -> dict[str, Any]:
        line = self._line()
        if not line.startswith(b"INFO "):
            raise Refused("what answers at the address is no NATS server")
        return cast("dict[str, Any]", json.loads(line[5:]))

    def _encrypt(self, host: str, url: NatsUrl) -> None:
        try:
            context = ssl.create_default_context(cafile=url.tls_ca or None)
            self._socket = context.wrap_socket(self._socket, server_hostname=host)
            # What came before is not to be taken for encrypted.
            self._incoming = Incoming(self._socket)
        except FileNotFoundError as error:
            raise Refused("the file of tls_ca is not there") from error
        except ssl.SSLCertVerificationError as error:
            raise Refused(f"the certificate of the server is not valid: {error.verify_message}") from error

    def _next(self) -> tuple[bytes, Message]:
        """Return the next message, and the subject that it was sent to."""
        while True:
            kind, *words = self._line().split(b" ")
            if kind == b"HMSG":
                head, content = self._incoming.head_and_content(int(words[-2]), int(words[-1]))
                return words[0], Message(status_of(head), head, content)
            if kind == b"MSG":
                return words[0], Message(0, b"", self._incoming.content(int(words[-1])))

    def _line(self) -> bytes:
        """Return the next line that is not about the connection itself."""
        while True:
            line = self._incoming.line()
            if line == b"PING":
                self._socket.sendall(b"PONG\r\n")
            elif line.startswith(b"-ERR"):
                _raise(line[4:].decode(errors="replace").strip(" '"))
            else:
                return line


def _signed(url: NatsUrl, nonce: str) -> dict[str, str]:
    """Return what `nkeys.signed` returns. It is imported here: only some deployments have `cryptography`.

    Raises:
        SettingsError: This one has not.
    """
    try:
        from eventstore.adapters.nats.nkeys import signed  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        raise SettingsError(
            "creds= and nkey= of NATS_URL need the package cryptography, which is not installed here; connect by a "
            "user and a password, or by a token"
        ) from error
    return signed(url, nonce)


def _raise(reason: str) -> None:
    """Raise what an error of the server means."""
    kind = reason.lower()
    # Who is connected and expires may have new credentials for the next connection.
    if "expired" not in kind and kind.startswith(_REFUSALS):
        raise Refused(reason)
    raise ConnectionResetError(reason)
