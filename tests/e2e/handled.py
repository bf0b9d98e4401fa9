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


_PATIENCE = 60
"""For how many seconds no further event may be handled, on an endpoint that is slow or after a failure."""


class Handled:
    """The events that a client handled, or that all members of a group did."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sequences: dict[str, list[int]] = defaultdict(list)
        self._different: set[tuple[str, int]] = set()

    def add(self, event: Recorded) -> None:
        with self._changed:
            self._sequences[event.stream].append(event.sequence)
            self._different.add((event.stream, event.sequence))
            self._changed.notify_all()

    @property
    def total(self) -> int:
        """How many different events were handled."""
        return len(self._different)

    def wait_for(self, count: int) -> None:
        """Wait until so many different events were handled, for as long as some still are."""
        with self._changed:
            while (known := len(self._different)) < count:
                went_on = self._changed.wait_for(lambda known=known: len(self._different) > known, timeout=_PATIENCE)
                assert went_on, f"{known} of {count} events were handled, and no other for {_PATIENCE} seconds"

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
