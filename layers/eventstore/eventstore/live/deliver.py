"""Posting to clients: in order per connection; who does not take it keeps others of its call waiting for seconds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from eventstore.frames.frame import postings
from eventstore.ports.connections import Gone, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from eventstore.frames.frame import Posting
    from eventstore.ports import Bells, Clock, Connections

__all__ = ["Deliverer", "Patience", "Unfinished"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a post is tried.

    Attributes:
        tries: Of a client that does not take it.
        base: Seconds before the second try, before jitter; each further pause is twice as long.
        opening: For so many milliseconds after it was made, a connection may not be open yet.
        opening_tries: Of a connection that may not be open yet.
        shared: While deliveries of other groups wait for the same call to end, a client that has failed for so many
            milliseconds is not tried again.
    """

    tries: int = 3
    base: float = 0.05
    opening: int = 10_000
    opening_tries: int = 8
    shared: int = 2_000


class Unfinished(Exception):
    """There was no time left for it."""


class Deliverer:
    """Posts what deliveries hold.

    A client that cannot be posted to is disconnected, and nothing more is posted to it: it resumes from its cursors.
    So a delivery is done with, whatever becomes of its clients, unless one could be neither posted to nor disconnected.

    What it learns of connections it keeps, for no id comes twice: one that took a message is open, and needs no waiting
    for once it is gone; one that was given up is not tried again. Whoever lost that knowledge waits, and no more.

    Args:
        jitter: Gives numbers from 0 to 1.
        workers: How many connections are posted to at once.
        together: How many posts of several deliveries are made in one pass.
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
        together: int = 1000,
    ) -> None:
        self._connections = connections
        self._bells = bells
        self._clock = clock
        self._jitter = jitter
        self._patience = patience or Patience()
        self._together = together
        self._opened: set[str] = set()
        self._given_up: set[str] = set()
        self._threads = ThreadPoolExecutor(workers)

    def deliver(self, deliveries: Sequence[tuple[str, str]], *, until: int) -> Mapping[int, Exception]:
        """Post deliveries.

        Several small ones are posted in one pass: a connection gets all of them in their order, and waits for none.
        Passes follow each other, so that however little time there is, what comes first is done first.

        Args:
            deliveries: Each as the group whose order it keeps, and its text (`Delivery.encoded`).
            until: When to begin nothing more, in milliseconds since 1970.

        Returns:
            Those that are to come again, by their index, and why. All later ones of their groups are among them, for
            nothing may overtake.
        """
        call = _Call(until, shared=len({group for group, _ in deliveries}) > 1)
        held: dict[str, tuple[int, Exception]] = {}
        for together in _passes(deliveries, self._together):
            by_connection: dict[str, list[tuple[int, Posting]]] = {}
            for number, posts in together:
                if deliveries[number][0] not in held:
                    for posting in posts:
                        by_connection.setdefault(posting.connection, []).append((number, posting))
            for number, error in sorted(self._post_together(by_connection, call), key=lambda failed: failed[0]):
                held.setdefault(deliveries[number][0], (number, error))
        return {
            number: held[group][1]
            for number, (group, _) in enumerate(deliveries)
            if group in held and number >= held[group][0]
        }

    def _post_together(
        self, by_connection: Mapping[str, Sequence[tuple[int, Posting]]], call: _Call
    ) -> list[tuple[int, Exception]]:
        """Post to each connection what it gets; answers at which delivery it failed where it did, and why."""
        if len(by_connection) == 1:
            found = [self._post_all(posts, call) for posts in by_connection.values()]
        else:
            # All to their end, though one fails: what is left running would overtake when the delivery comes again.
            posted = [self._threads.submit(self._post_all, posts, call) for posts in by_connection.values()]
            wait(posted)
            found = [one.result() for one in posted]
        return [failure for failure in found if failure is not None]

    def _post_all(self, posts: Sequence[tuple[int, Posting]], call: _Call) -> tuple[int, Exception] | None:
        for number, posting in posts:
            if posting.connection in self._given_up:
                return None
            try:
                taken = self._post(posting, call)
            except Exception as error:  # noqa: BLE001 - the caller tells of it, and others do not wait for it
                return number, error
            if not taken:
                _keep(posting.connection, self._given_up)
                return None
            _keep(posting.connection, self._opened)
        return None

    def _post(self, posting: Posting, call: _Call) -> bool:
        """Post one message; False if the client is given up."""
        message = posting.message.encode()
        began, failures = self._clock.now(), 0
        while True:
            self._check_time(call)
            try:
                self._connections.post(posting.connection, message)
            except Gone:
                failures += 1
                if failures >= self._tries_to_open(posting) or self._is_waited_for(call, began):
                    self._bells.gone(posting.connection)
                    return False
            except Unreachable:
                failures += 1
                if failures >= self._patience.tries or self._is_waited_for(call, began):
                    self._close(posting.connection, call)
                    # Closing makes the gateway tell of it, and the bell tells if that is lost.
                    self._bells.gone(posting.connection)
                    return False
            else:
                return True
            self._pause(failures)

    def _close(self, connection: str, call: _Call) -> None:
        """End a connection, for a client that is not told would wait for frames that never come.

        Raises:
            Unreachable: It was not told. Its delivery is not done with, and is to come again.
            Unfinished: The same.
        """
        began, failures = self._clock.now(), 0
        while True:
            self._check_time(call)
            try:
                self._connections.close(connection)
            except Unreachable:
                failures += 1
                if failures >= self._patience.tries or self._is_waited_for(call, began):
                    raise
            else:
                return
            self._pause(failures)

    def _check_time(self, call: _Call) -> None:
        if self._clock.now() >= call.until:
            raise Unfinished("there was no time left for it")

    def _is_waited_for(self, call: _Call, began: int) -> bool:
        """Whether others have waited long enough for a client."""
        return call.shared and self._clock.now() - began >= self._patience.shared

    def _pause(self, failures: int) -> None:
        self._clock.pause(self._patience.base * 2 ** (failures - 1) * (0.5 + self._jitter()))

    def _tries_to_open(self, posting: Posting) -> int:
        young = posting.opened and self._clock.now() < posting.opened + self._patience.opening
        may_open = young and posting.connection not in self._opened
        return self._patience.opening_tries if may_open else 1


class _Call(NamedTuple):
    """What all posts of a call have in common.

    Attributes:
        until: When nothing more is begun, in milliseconds since 1970.
        shared: Whether it has deliveries of several groups, of which each waits for the others.
    """

    until: int
    shared: bool


def _passes(deliveries: Sequence[tuple[str, str]], most: int) -> Iterator[list[tuple[int, list[Posting]]]]:
    """Deliveries by their index, with their posts: as many in a row as are not too many together."""
    together: list[tuple[int, list[Posting]]] = []
    count = 0
    for number, (_, text) in enumerate(deliveries):
        posts = list(postings(text))
        if together and count + len(posts) > most:
            yield together
            together, count = [], 0
        together.append((number, posts))
        count += len(posts)
    if together:
        yield together


_KEPT = 10_000
"""Connections that are remembered, each way; some 100 bytes each."""


def _keep(connection: str, known: set[str]) -> None:
    if len(known) >= _KEPT:
        known.clear()
    known.add(connection)
