"""Workers of a durable subscription on several instances, and what they handled."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.streams import StreamName, partition_of
from eventstore_client import ClientError
from eventstore_client.backoff import Backoff
from tests.e2e.live import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from eventstore_client import Recorded
    from tests.e2e.servers import ServerHub

__all__ = ["STREAMS", "Handled", "working"]

_PARTITIONS = 16
"""Those of a new store, unless it is told otherwise."""

STREAMS = sorted({partition_of(StreamName(f"wf-{n}"), _PARTITIONS): f"wf-{n}" for n in reversed(range(100))}.values())
"""A stream in each partition. The partitions of a member are drawn: whoever has any has events to handle."""


@dataclass
class Handled:
    """What was handled: stream, sequence, and which worker did it, in order.

    Attributes:
        before: Called before an event is recorded, in the thread of its worker.
    """

    events: list[tuple[str, int, int]] = field(default_factory=list)
    before: Callable[[int], object] = lambda _: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, event: Recorded, worker: int) -> None:
        self.before(worker)
        with self._lock:
            self.events.append((event.stream, event.sequence, worker))

    @property
    def workers(self) -> set[int]:
        """Those that handled any event."""
        return {worker for _, _, worker in self.events}

    def first_times(self, stream: str) -> list[int]:
        """The sequences of a stream in the order in which each was handled for the first time."""
        return list(dict.fromkeys(sequence for name, sequence, _ in self.events if name == stream))


@contextmanager
def working(hubs: Sequence[ServerHub], subscription: str, handled: Handled) -> Iterator[None]:
    """Have a worker on each instance during the block. One whose instance is gone goes with it."""

    def work(number: int, hub: ServerHub) -> None:
        with suppress(ClientError), hub.client(backoff=Backoff(patience=5)) as store:
            worker = store.work(subscription)
            stack.callback(worker.close)
            worker.run(lambda event: handled.add(event, number))

    with ExitStack() as stack:
        threads = [threading.Thread(target=work, args=each) for each in enumerate(hubs)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stack.close()
            for thread in threads:
                thread.join(SECONDS)
                assert not thread.is_alive(), "a worker does not end"
