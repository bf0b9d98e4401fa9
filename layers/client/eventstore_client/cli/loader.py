"""Loading many events into the hub, in order within a stream, by concurrent publishers.

A load checks all files before it publishes any event: each file is read once to check it, and again to load it. A fault
in the last line of the last file is therefore reported before anything is stored, and NDJSON of any size is loaded with
constant memory.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from eventstore_client.cli.schedule import Schedule, Stopped
from eventstore_client.cli.sources import Fault
from eventstore_client.errors import BadInput, ClientError, LoadFailed, LoadInterrupted, ProblemError
from eventstore_client.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from eventstore_client.cli.progress import Progress
    from eventstore_client.cli.schedule import Batch
    from eventstore_client.cli.sources import Item, Source
    from eventstore_client.events import Stored
    from eventstore_client.hub import EventStore

__all__ = ["check", "load"]

_FAULTS = 10
_RESUME = "run it again to resume; events that are already stored count as duplicates"


def check(sources: Iterable[Source], *, note: Callable[[str], object] = lambda _: None) -> int:
    """Check all sources, and return the number of their events.

    Args:
        sources: The sources to load.
        note: Called with one line for each history without a workflow id, which uses the name of its file.

    Raises:
        BadInput: Events are invalid, or two files would give two workflows the same id. The first ten faults are
            listed.
    """
    count = 0
    faults: list[str] = []
    named: dict[str, Path] = {}
    for item in chain.from_iterable(_check_names(source, named, note) for source in sources):
        if not isinstance(item, Fault):
            count += 1
            continue
        faults.append(str(item))
        if len(faults) == _FAULTS:
            faults.append(f"there may be more: the check stopped after {_FAULTS} faults")
            break
    if faults:
        raise BadInput(faults)
    return count


def _check_names(source: Source, named: dict[str, Path], note: Callable[[str], object]) -> Iterator[Item | Fault]:
    """Iterate over the items of a source. Return a fault if another file has named a workflow in the same way."""
    is_noted = False
    for item in source.items():
        if isinstance(item, Fault) or not item.named_for:
            yield item
            continue
        other = named.setdefault(item.named_for, source.path)
        if other.resolve() != source.path.resolve():
            yield Fault(
                str(source.path),
                f"the history has no workflowId, and its file has the same name as {other}: both would be stored as "
                f"workflow {item.named_for!r}; rename one of the files",
            )
            return
        if not is_noted:
            note(f"{source.path}: the history has no workflowId; using the name of the file: {item.named_for!r}")
            is_noted = True
        yield item


def load(
    items: Iterable[Item | Fault],
    store: EventStore,
    *,
    publishers: int = 8,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Summary:
    """Publish events and return a summary. The events of a stream are stored in their order.

    Args:
        items: The events, which are consumed as they are needed.
        store: The hub. Temporary failures are retried by its `backoff`.
        publishers: The number of concurrent requests.
        progress: Counts the events that the hub confirms.
        clock: Returns monotonic time in seconds.

    Raises:
        LoadFailed: The hub rejected events, or was unavailable. The requests in progress were completed.
        LoadInterrupted: The load was interrupted by KeyboardInterrupt. The requests in progress were completed.
        BadInput: An item is invalid, because its file changed after the check.
    """
    schedule = Schedule()
    tally = _Tally(progress)
    started = clock()
    backoff = replace(store.backoff, sleep=schedule.pause)
    with replace(store, connections=publishers, backoff=backoff) as hub, ThreadPoolExecutor(publishers) as pool:
        working = [pool.submit(_publish, hub, schedule, tally) for _ in range(publishers)]
        try:
            _feed(items, schedule)
            wait(working)
        except KeyboardInterrupt:
            schedule.stop()
            wait(working)
            summary = tally.summary(clock() - started)
            raise LoadInterrupted(f"interrupted; {_RESUME}", summary=summary) from None
        finally:
            schedule.stop()
    summary = tally.summary(clock() - started)
    for error in filter(None, (future.exception() for future in working)):
        if isinstance(error, _Rejected):
            raise LoadFailed(f"{error}; {_RESUME}", summary=summary) from error.__cause__
        raise error
    return summary


@dataclass(slots=True)
class _Tally:
    progress: Progress | None
    new: int = 0
    duplicates: int = 0
    streams: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, stored: list[Stored]) -> None:
        duplicates = sum(event.duplicate for event in stored)
        with self.lock:
            self.duplicates += duplicates
            self.new += len(stored) - duplicates
            self.streams.update(event.stream for event in stored)
        if self.progress:
            self.progress.advance(len(stored))

    def summary(self, seconds: float) -> Summary:
        return Summary(self.new, self.duplicates, len(self.streams), seconds)


class _Rejected(Exception):
    """A batch was not stored, for the reason that its cause gives."""


def _feed(items: Iterable[Item | Fault], schedule: Schedule) -> None:
    try:
        for item in items:
            if isinstance(item, Fault):
                raise BadInput([str(item)])
            schedule.put(item)
    except Stopped:
        return  # A publisher failed; `load` raises its error.
    schedule.finish()


def _publish(hub: EventStore, schedule: Schedule, tally: _Tally) -> None:
    try:
        while batch := schedule.take():
            try:
                stored = hub.publish([item.text for item in batch.items], stream=batch.stream)
            except ClientError as error:
                raise _Rejected(f"{_place(batch, error)}: {error}") from error
            tally.add(stored)
            schedule.done(batch)
    except Stopped:
        return
    except BaseException:
        # The other publishers end, too: they would wait for this publisher's stream for ever.
        schedule.stop()
        raise


def _place(batch: Batch, error: ClientError) -> str:
    for broken in error.errors if isinstance(error, ProblemError) else ():
        index = str(broken.get("pointer", "")).removeprefix("/").split("/")[0]
        if index.isdecimal() and int(index) < len(batch.items):
            return batch.items[int(index)].place
    first, last = batch.items[0].place, batch.items[-1].place
    return first if first == last else f"{first} to {last}"
