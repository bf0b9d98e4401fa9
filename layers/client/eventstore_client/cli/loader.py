"""Many events into the hub, in order, by several publishers.

A load looks at everything before it publishes anything: every file is read once to check it, and once more to load it.
So a fault in the last line of the last file is named while the hub is still as it was, and NDJSON of any length is
loaded in the same memory.
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
_AGAIN = "run it again to go on: what is stored already will count as duplicates"


def check(sources: Iterable[Source], *, note: Callable[[str], object] = lambda _: None) -> int:
    """How many events the sources hold, all of them valid.

    Args:
        sources: What is to be loaded.
        note: Gets one line for each history that has no workflow's id and takes the name of its file.

    Raises:
        BadInput: Some are not; the first ten are named. Nor may two files give one name to two workflows.
    """
    count = 0
    faults: list[str] = []
    named: dict[str, Path] = {}
    for item in chain.from_iterable(_named(source, named, note) for source in sources):
        if not isinstance(item, Fault):
            count += 1
            continue
        faults.append(str(item))
        if len(faults) == _FAULTS:
            faults.append(f"and maybe more: reading ended at fault {_FAULTS}")
            break
    if faults:
        raise BadInput(faults)
    return count


def _named(source: Source, named: dict[str, Path], note: Callable[[str], object]) -> Iterator[Item | Fault]:
    """The items of a source; a fault in their stead if another file gave its name to another workflow."""
    noted = False
    for item in source.items():
        if isinstance(item, Fault) or not item.named_for:
            yield item
            continue
        other = named.setdefault(item.named_for, source.path)
        if other.resolve() != source.path.resolve():
            yield Fault(
                str(source.path),
                f"the history has no workflowId, and its file has the name of {other}: they would be stored as one "
                f"workflow, {item.named_for!r}; rename one of the files",
            )
            return
        if not noted:
            note(
                f"{source.path}: the history has no workflowId; its workflow is named for the file: {item.named_for!r}"
            )
            noted = True
        yield item


def load(
    items: Iterable[Item | Fault],
    store: EventStore,
    *,
    publishers: int = 8,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Summary:
    """Publish events and say what came of it. Events of one stream are stored in the order in which they come.

    Args:
        items: The events; they are asked for as they are needed.
        store: The hub. Failures that may pass are tried again as its `backoff` says.
        publishers: How many requests are under way at most.
        progress: Told of every event confirmed.
        clock: Seconds that never go back.

    Raises:
        LoadFailed: The hub refused events, or stayed away. Requests under way were waited for.
        LoadInterrupted: The same upon KeyboardInterrupt.
        BadInput: An item is at fault, since its file was checked.
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
            raise LoadInterrupted(f"interrupted; {_AGAIN}", summary=summary) from None
        finally:
            schedule.stop()
    summary = tally.summary(clock() - started)
    for error in filter(None, (future.exception() for future in working)):
        if isinstance(error, _Refused):
            raise LoadFailed(f"{error}; {_AGAIN}", summary=summary) from error.__cause__
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


class _Refused(Exception):
    """A batch did not get through; its cause says why."""


def _feed(items: Iterable[Item | Fault], schedule: Schedule) -> None:
    try:
        for item in items:
            if isinstance(item, Fault):
                raise BadInput([str(item)])
            schedule.put(item)
    except Stopped:
        return  # A publisher failed; its error tells more.
    schedule.finish()


def _publish(hub: EventStore, schedule: Schedule, tally: _Tally) -> None:
    try:
        while batch := schedule.take():
            try:
                stored = hub.publish([item.text for item in batch.items], stream=batch.stream)
            except ClientError as error:
                raise _Refused(f"{_place(batch, error)}: {error}") from error
            tally.add(stored)
            schedule.done(batch)
    except Stopped:
        return
    except BaseException:
        # The others end too: they would wait for this one's stream for ever.
        schedule.stop()
        raise


def _place(batch: Batch, error: ClientError) -> str:
    for broken in error.errors if isinstance(error, ProblemError) else ():
        index = str(broken.get("pointer", "")).removeprefix("/").split("/")[0]
        if index.isdecimal() and int(index) < len(batch.items):
            return batch.items[int(index)].place
    first, last = batch.items[0].place, batch.items[-1].place
    return first if first == last else f"{first} to {last}"
