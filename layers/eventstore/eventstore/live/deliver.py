"""Posting frames to clients, in order per connection. A client that does not accept them delays others for seconds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from eventstore.frames.frame import postings
from eventstore.ports.connections import Gone, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from eventstore.frames.frame import Posting
    from eventstore.ports import Clock, Connections, DispatchQueue
    from eventstore.subscriptions import ConnectionId

__all__ = ["Deliverer", "Patience", "Unfinished"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a post is retried.

    Attributes:
        tries: How often a post is tried that a client does not accept.
        first_pause_ms: The pause before the second try, before jitter. It doubles with each try.
        opening_ms: How many milliseconds after it was opened a connection may not accept posts yet.
        opening_tries: How often a post is tried on such a connection.
        shared_ms: After how many milliseconds of failures a client is given up, while other groups wait for the call.
    """

    tries: int = 3
    first_pause_ms: int = 50
    opening_ms: int = 10_000
    opening_tries: int = 8
    shared_ms: int = 2_000


class Unfinished(Exception):
    """The time for a delivery ran out."""


class Deliverer:
    """Posts the frames of deliveries.

    A client that cannot be posted to is disconnected, and nothing more is posted to it: it resumes from its cursors.
    The same holds for a client after a message that closes its connection.
    So a delivery is finished whatever its clients do, unless a client could be neither posted to nor disconnected.

    The state of connections is cached, for no connection id is reused. A connection that accepted a message is open: if
    it is gone later, it is not retried. A client that was given up is not tried again. A lost cache costs time only.

    Args:
        connections: Posts to clients, and closes connections.
        dispatch_queue: Receives the connections that are gone.
        clock: Tells the time, and pauses.
        jitter: Returns random numbers from 0 to 1.
        patience: How often and how long a post is retried.
        workers: How many connections are posted to in parallel.
        together: The most posts of several deliveries in one pass.
    """

    def __init__(
        self,
        connections: Connections,
        dispatch_queue: DispatchQueue,
        *,
        clock: Clock,
        jitter: Callable[[], float],
        patience: Patience | None = None,
        workers: int = 16,
        together: int = 1000,
    ) -> None:
        self._connections = connections
        self._dispatch_queue = dispatch_queue
        self._clock = clock
        self._jitter = jitter
        self._patience = patience or Patience()
        self._together = together
        self._opened: set[ConnectionId] = set()
        self._given_up: set[ConnectionId] = set()
        self._threads = ThreadPoolExecutor(workers)

    def deliver(self, deliveries: Sequence[tuple[str, str]], *, until: int) -> Mapping[int, Exception]:
        """Post deliveries.

        Several small deliveries are posted in one pass, each connection's posts in order and in parallel to others'.
        Passes run one after the other, so that if time runs out, the earlier deliveries are done.

        Args:
            deliveries: Each with the group within which the order is kept, and its text (`Delivery.encoded`).
            until: When to begin no further post, in milliseconds since 1970.

        Returns:
            The deliveries to redeliver, by their index, and why. They include all later deliveries of their groups, so
            that none overtakes another.
        """
        call = _Call(until, shared=len({group for group, _ in deliveries}) > 1)
        failures: dict[str, tuple[int, Exception]] = {}
        for batch in _passes(deliveries, self._together):
            by_connection: dict[ConnectionId, list[tuple[int, Posting]]] = {}
            for index, posts in batch:
                if deliveries[index][0] not in failures:
                    for posting in posts:
                        by_connection.setdefault(posting.connection, []).append((index, posting))
            for index, error in sorted(self._post_in_parallel(by_connection, call), key=lambda failure: failure[0]):
                failures.setdefault(deliveries[index][0], (index, error))
        return {
            index: failures[group][1]
            for index, (group, _) in enumerate(deliveries)
            if group in failures and index >= failures[group][0]
        }

    def _post_in_parallel(
        self, by_connection: Mapping[ConnectionId, Sequence[tuple[int, Posting]]], call: _Call
    ) -> list[tuple[int, Exception]]:
        """Post to each connection, and return the index and the error of each delivery that failed."""
        if len(by_connection) == 1:
            outcomes = [self._post_all(posts, call) for posts in by_connection.values()]
        else:
            # Wait for all, even if one fails: a post that is still running would overtake the redelivery.
            futures = [self._threads.submit(self._post_all, posts, call) for posts in by_connection.values()]
            wait(futures)
            outcomes = [future.result() for future in futures]
        return [failure for failure in outcomes if failure is not None]

    def _post_all(self, posts: Sequence[tuple[int, Posting]], call: _Call) -> tuple[int, Exception] | None:
        for index, posting in posts:
            if posting.connection in self._given_up:
                return None
            try:
                accepted = self._post(posting, call)
                if accepted and posting.closes:
                    self._close(posting.connection, call)
            except Exception as error:  # noqa: BLE001 - the caller reports it, and other connections go on
                return index, error
            if not accepted or posting.closes:
                _remember(posting.connection, self._given_up)
                return None
            _remember(posting.connection, self._opened)
        return None

    def _post(self, posting: Posting, call: _Call) -> bool:
        """Post one message, and return whether the client accepted it; if not, it is given up."""
        message = posting.message.encode()
        began, failures = self._clock.now(), 0
        while True:
            self._check_time(call)
            try:
                self._connections.post(posting.connection, message)
            except Gone:
                failures += 1
                if failures >= self._tries_to_open(posting) or self._delays_others(call, began):
                    self._dispatch_queue.connection_closed(posting.connection)
                    return False
            except Unreachable:
                failures += 1
                if failures >= self._patience.tries or self._delays_others(call, began):
                    self._close(posting.connection, call)
                    # Closing makes the gateway send `$disconnect`; this request is for the case that it is lost.
                    self._dispatch_queue.connection_closed(posting.connection)
                    return False
            else:
                return True
            self._pause(failures)

    def _close(self, connection: ConnectionId, call: _Call) -> None:
        """Close a connection, so that its client does not wait for frames that are never sent.

        Raises:
            Unreachable: It could not be closed. Its delivery is not finished, and must be redelivered.
            Unfinished: The time ran out; the delivery must be redelivered.
        """
        began, failures = self._clock.now(), 0
        while True:
            self._check_time(call)
            try:
                self._connections.close(connection)
            except Unreachable:
                failures += 1
                if failures >= self._patience.tries or self._delays_others(call, began):
                    raise
            else:
                return
            self._pause(failures)

    def _check_time(self, call: _Call) -> None:
        if self._clock.now() >= call.until:
            raise Unfinished("no time left to post the delivery; it will be redelivered")

    def _delays_others(self, call: _Call, began: int) -> bool:
        """Return whether other groups have waited long enough for a client."""
        return call.shared and self._clock.now() - began >= self._patience.shared_ms

    def _pause(self, failures: int) -> None:
        pause_ms = self._patience.first_pause_ms * 2 ** (failures - 1) * (0.5 + self._jitter())
        self._clock.pause(pause_ms / 1000)

    def _tries_to_open(self, posting: Posting) -> int:
        is_new = posting.opened and self._clock.now() < posting.opened + self._patience.opening_ms
        may_be_opening = is_new and posting.connection not in self._opened
        return self._patience.opening_tries if may_be_opening else 1


class _Call(NamedTuple):
    """The context of all posts of a call.

    Attributes:
        until: When to begin no further post, in milliseconds since 1970.
        shared: Whether it has deliveries of several groups, each of which waits for the others.
    """

    until: int
    shared: bool


def _passes(deliveries: Sequence[tuple[str, str]], most: int) -> Iterator[list[tuple[int, list[Posting]]]]:
    """Yield successive deliveries, by their index and with their posts, in batches of at most `most` posts."""
    batch: list[tuple[int, list[Posting]]] = []
    count = 0
    for index, (_, text) in enumerate(deliveries):
        posts = list(postings(text))
        if batch and count + len(posts) > most:
            yield batch
            batch, count = [], 0
        batch.append((index, posts))
        count += len(posts)
    if batch:
        yield batch


_REMEMBERED = 10_000
"""The number of connections that are remembered in each state, of some 100 bytes each."""


def _remember(connection: ConnectionId, known: set[ConnectionId]) -> None:
    if len(known) >= _REMEMBERED:
        known.clear()
    known.add(connection)
