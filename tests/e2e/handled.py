"""What the handlers of SDK clients have handled, and the threads that they run in."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventstore_client import Recorded

__all__ = ["STREAMS", "Handled", "running"]

STREAMS = [f"wf-{number}" for number in range(8)]


class Handled:
    """The events that a client handled, or that all members of a group did."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sequences: dict[str, list[int]] = defaultdict(list)

    def add(self, event: Recorded) -> None:
        with self._lock:
            self._sequences[event.stream].append(event.sequence)

    @property
    def total(self) -> int:
        """How many different events were handled."""
        with self._lock:
            return sum(len({*sequences}) for sequences in self._sequences.values())

    def check_once(self, last: int) -> None:
        """Each event was handled once, and in order in its stream."""
        assert self._sequences == {stream: [*range(1, last + 1)] for stream in STREAMS}

    def check_in_order(self, last: int) -> None:
        """Each event was handled, none before the one before it."""
        for stream in STREAMS:
            done = 0
            for sequence in self._sequences[stream]:
                assert sequence <= done + 1, f"{stream} {sequence} was handled after {done}"
                done = max(done, sequence)
            assert done == last


@contextmanager
def running(*jobs: Callable[[], object]) -> Iterator[None]:
    """Run each job in a thread; all of them end by themselves after the block."""
    errors: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - the test raises it
            errors.append(error)

    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(30)
    assert not [thread for thread in threads if thread.is_alive()]
    assert not errors
