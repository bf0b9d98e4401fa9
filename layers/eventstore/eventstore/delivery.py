"""Posting to clients: in order per connection, without letting one wait for another's trouble."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.frames import postings
from eventstore.ports.connections import Gone, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from eventstore.frames import Posting
    from eventstore.ports import Bells, Clock, Connections

__all__ = ["Deliverer", "Patience"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a post is tried.

    Attributes:
        tries: Of a client that does not take it.
        base: Seconds before the second try, before jitter; each further pause is twice as long.
        opening: For so many milliseconds after it was made, a connection may not be open yet.
        opening_tries: Of a connection that may not be open yet.
    """

    tries: int = 3
    base: float = 0.05
    opening: int = 10_000
    opening_tries: int = 8


class Deliverer:
    """Posts what deliveries hold.

    A client that cannot be posted to is disconnected, and nothing more is posted to it: it resumes from its cursors.
    So a delivery is done with, whatever becomes of its clients, unless one could be neither posted to nor disconnected.

    What it learns of connections it keeps, for no id comes twice: one that took a message is open, and needs no waiting
    for once it is gone; one that was given up is not tried again. Whoever lost that knowledge waits, and no more.

    Args:
        jitter: Gives numbers from 0 to 1.
        workers: How many connections are posted to at once.
    """

    def __init__(
        self,
        connections: Connections,
        bells: Bells,
        *,
        clock: Clock,
        jitter: Callable[[], float],
        patience: Patience | None = None,
        workers: int = 16,
    ) -> None:
        self._connections = connections
        self._bells = bells
        self._clock = clock
        self._jitter = jitter
        self._patience = patience or Patience()
        self._opened: set[str] = set()
        self._given_up: set[str] = set()
        self._threads = ThreadPoolExecutor(workers)

    def deliver(self, delivery: str) -> None:
        """Post all of a delivery (`Delivery.encoded`)."""
        by_connection: dict[str, list[Posting]] = {}
        for posting in postings(delivery):
            by_connection.setdefault(posting.connection, []).append(posting)
        if len(by_connection) == 1:
            self._post_all(next(iter(by_connection.values())))
            return
        # All to their end, though one fails: what is left running would overtake when the delivery comes again.
        posted = [self._threads.submit(self._post_all, posts) for posts in by_connection.values()]
        wait(posted)
        for one in posted:
            one.result()

    def _post_all(self, posts: Iterable[Posting]) -> None:
        for posting in posts:
            if posting.connection in self._given_up:
                return
            if not self._post(posting):
                _keep(posting.connection, self._given_up)
                return
            _keep(posting.connection, self._opened)

    def _post(self, posting: Posting) -> bool:
        """Post one message; False if the client is given up."""
        message = posting.message.encode()
        failures = 0
        while True:
            try:
                self._connections.post(posting.connection, message)
            except Gone:
                failures += 1
                if failures >= self._tries_to_open(posting):
                    self._bells.gone(posting.connection)
                    return False
            except Unreachable:
                failures += 1
                if failures >= self._patience.tries:
                    self._close(posting.connection)
                    # Closing makes the gateway tell of it, and the bell tells if that is lost.
                    self._bells.gone(posting.connection)
                    return False
            else:
                return True
            self._pause(failures)

    def _close(self, connection: str) -> None:
        """End a connection, for a client that is not told would wait for frames that never come.

        Raises:
            Unreachable: It was not told. Its delivery is not done with, and is to come again.
        """
        failures = 0
        while True:
            try:
                self._connections.close(connection)
            except Unreachable:
                failures += 1
                if failures >= self._patience.tries:
                    raise
            else:
                return
            self._pause(failures)

    def _pause(self, failures: int) -> None:
        self._clock.pause(self._patience.base * 2 ** (failures - 1) * (0.5 + self._jitter()))

    def _tries_to_open(self, posting: Posting) -> int:
        young = posting.opened and self._clock.now() < posting.opened + self._patience.opening
        may_open = young and posting.connection not in self._opened
        return self._patience.opening_tries if may_open else 1


_KEPT = 10_000
"""Connections that are remembered, each way; some 100 bytes each."""


def _keep(connection: str, known: set[str]) -> None:
    if len(known) >= _KEPT:
        known.clear()
    known.add(connection)
