"""Requests to the servers of a cluster: a connection for each thread, and another server if one does not answer."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from eventstore.adapters.nats.connection import Connection
from eventstore.adapters.nats.errors import FORMING, NatsError, NoResponders, Refused
from eventstore.adapters.tries import TRYING_SECONDS, Tries
from eventstore.errors import SettingsError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.adapters.nats.address import NatsUrl, Server
    from eventstore.adapters.nats.messages import Message

__all__ = ["NatsClient", "answering", "checked"]

ResultT = TypeVar("ResultT")

_NO_RESPONDERS = 503

_ANSWER_SECONDS = 5.0


class NatsClient:
    """A client of the servers of a `NATS_URL`. Each thread has a connection of its own, from its first request on.

    The connection of a thread is closed when the thread ends.

    Args:
        url: The servers, and who connects.
        seconds: For how long a request is tried.
    """

    def __init__(self, url: NatsUrl, *, seconds: float = TRYING_SECONDS) -> None:
        self._url = url
        self._seconds = seconds
        self._local = threading.local()
        self._lock = threading.Lock()
        # Only threads refer to their connections, which are closed with the last reference.
        self._open: WeakSet[Connection] = WeakSet()
        self._next_server = 0

    @property
    def most_bytes(self) -> int:
        """The largest message that the server accepts, in bytes (`max_payload`)."""
        return self.run(lambda connection: int(connection.info["max_payload"]))

    def api(self, subject: str, **body: object) -> dict[str, Any]:
        """Send a request to JetStream's API, and return the answer.

        Args:
            subject: What comes after `$JS.API.`.
            **body: The members of the request.

        Raises:
            NatsError: JetStream refuses it.
            StoreUnavailable, SettingsError: As `run`.
        """
        return self.ask(f"$JS.API.{subject}", json.dumps(body).encode() if body else b"")

    def ask(self, subject: str, content: bytes) -> dict[str, Any]:
        """Send a message to a subject at which JetStream answers, and return the answer. It can be repeated.

        Raises:
            NatsError: JetStream refuses it.
            StoreUnavailable, SettingsError: As `run`.
        """
        return self.run(lambda connection: checked(connection.request(subject, content)))

    def run(self, use: Callable[[Connection], ResultT]) -> ResultT:
        """Return what a use of a connection returns. It is repeated on another connection if the server goes away.

        Args:
            use: Sends requests that can be repeated.

        Raises:
            StoreUnavailable: No server answers.
            SettingsError: The servers refuse the hub.
        """
        tries = Tries(self._seconds)
        while True:
            try:
                return use(self._connection())
            except Refused as error:
                self._drop()
                raise SettingsError(f"NATS refuses the hub: {error}; look at NATS_URL") from error
            except NoResponders as error:
                # The connection is good.
                problem: Exception = error
            except OSError as error:
                self._drop()
                problem = error
            except NatsError:
                # So is it here: answers were read to their ends.
                raise
            except BaseException:
                # An interrupt: the rest of an answer would be taken for the next one.
                self._drop()
                raise
            if not tries.pause():
                raise StoreUnavailable(f"NATS does not answer: {problem}") from problem

    def close(self) -> None:
        """Close the connections of all threads. A thread that uses the client later connects again."""
        with self._lock:
            connections = list(self._open)
            self._open.clear()
        for connection in connections:
            connection.close()

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None or connection not in self._open:
            connection = Connection(self._server(), self._url, seconds=_ANSWER_SECONDS)
            self._local.connection = connection
            with self._lock:
                self._open.add(connection)
        return connection

    def _drop(self) -> None:
        """Close the thread's connection, and have it connect to the next server."""
        connection: Connection | None = getattr(self._local, "connection", None)
        self._local.connection = None
        with self._lock:
            self._next_server += 1
            if connection is not None:
                self._open.discard(connection)
        if connection is not None:
            connection.close()

    def _server(self) -> Server:
        servers = self._url.servers
        return servers[self._next_server % len(servers)]


def answering(message: Message) -> Message:
    """Return an answer; raise `NoResponders` if it says that nobody answers."""
    if message.status == _NO_RESPONDERS:
        raise NoResponders("no stream answers; JetStream may be off, or without a leader")
    return message


def checked(message: Message) -> dict[str, Any]:
    """Return an answer of JetStream's API; raise `NatsError` or `NoResponders` if it is an error."""
    answer: dict[str, Any] = json.loads(answering(message).content)
    if "error" in answer:
        error = NatsError(int(answer["error"].get("err_code", 0)), str(answer["error"].get("description", "")))
        if error.code in FORMING:
            raise NoResponders(str(error)) from error
        raise error
    return answer
