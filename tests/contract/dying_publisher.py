"""A publisher that dies at named places, as a process of its own: `python -m tests.contract.dying_publisher …`.

It goes on where its file of answers ends, so what was not answered is sent again. Its journal repeats records, lets
some of them arrive late, and has records that nobody understands. Instead of dying, it may hang.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from enum import IntEnum, unique
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore.adapters.journaled.log import JournaledLog
from eventstore.adapters.journaled.store import JournaledStore
from eventstore.adapters.nats.address import NatsUrl
from eventstore.adapters.nats.journal import NatsJournal
from eventstore.adapters.redis.connection import connect
from eventstore.errors import OutcomeUnknown, WrongExpectedVersion
from eventstore.streams import ANY, Expected
from tests.examples import event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore.ports.journal import JournalEnd, JournalRecord

__all__ = ["STREAMS", "UNREADABLE", "Answer", "Place", "Task", "answers_of", "main"]

STREAMS = ("wf-0", "wf-1", "wf-2")
"""Where events are published."""

UNREADABLE = b"no record"
"""What nobody understands."""

_REPEATED, _LATE, _UNREADABLE = 0.05, 0.05, 0.03
"""The shares of records that are there twice, come again later, and are followed by one that cannot be read."""


@unique
class Place(IntEnum):
    """Where a publisher dies; the value is its exit code."""

    BEFORE_RECORD = 101
    BEHIND_RECORD = 102
    BEFORE_END = 103
    BEFORE_GAP = 104
    BEHIND_GAP = 105
    BEHIND_FOLD = 106


_DEATHS = {
    Place.BEFORE_RECORD: 0.02,
    Place.BEHIND_RECORD: 0.03,
    Place.BEFORE_END: 0.02,
    # There is a gap if another one died behind its record.
    Place.BEFORE_GAP: 0.2,
    Place.BEHIND_GAP: 0.2,
    Place.BEHIND_FOLD: 0.02,
}


@dataclass(frozen=True, slots=True)
class Task:
    """What a publisher is to do.

    Attributes:
        redis_url: The store.
        nats_url: The journal's server.
        journal: The name of the journal.
        answers: The file of its answers.
        worker: Its number, which decides on what it publishes.
        life: The number of this life, which decides on where it dies.
        publishes: How many publishes it makes in all of its lives.
        hangs: Whether it never dies, but hangs behind each record and before some, until it is sent SIGCONT.
    """

    redis_url: str
    nats_url: str
    journal: str
    answers: str
    worker: int
    life: int
    publishes: int
    hangs: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a publish: the sequence of each id, or the version at which the stream was instead.

    Attributes:
        unknown: Whether the answer was `outcome-unknown` at first, and this is that to another try.
    """

    stream: str
    ids: tuple[str, ...]
    expected: int | None
    sequences: tuple[int, ...] = ()
    duplicates: tuple[int, ...] = ()
    actual: int | None = None
    unknown: bool = False


class DyingJournal(NatsJournal):
    """A journal whose user may die at each place, and which does what a journal may do with records."""

    passing: Callable[[Place], None]
    random: random.Random
    _late: bytes = b""

    def append(self, partition: int, record: bytes) -> int:
        self.passing(Place.BEFORE_RECORD)
        if self._late and self.random.random() < 0.5:
            super().append(partition, self._late)
            self._late = b""
        position = super().append(partition, record)
        self.passing(Place.BEHIND_RECORD)
        if self.random.random() < _LATE:
            self._late = record
        if self.random.random() < _UNREADABLE:
            super().append(partition, UNREADABLE)
        # The answer was lost, and it was sent again.
        return super().append(partition, record) if self.random.random() < _REPEATED else position

    def read(self, partition: int, *, after: int, count: int) -> Sequence[JournalRecord]:
        self.passing(Place.BEFORE_GAP)
        records = super().read(partition, after=after, count=count)
        self.passing(Place.BEHIND_GAP)
        return records

    def end(self, partition: int) -> JournalEnd:
        self.passing(Place.BEFORE_END)
        return super().end(partition)


def answers_of(path: Path) -> list[Answer]:
    """Return the answers that a publisher has; the last line may be cut off."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    found = [json.loads(line) for line in lines if line.endswith("\n")]
    return [Answer(**{k: tuple(v) if isinstance(v, list) else v for k, v in each.items()}) for each in found]


def main(task: Task) -> None:
    """Publish what is left to publish, or die."""
    chance, plan = random.Random(f"{task.worker}-{task.life}"), random.Random(task.worker)

    def passing(place: Place) -> None:
        if task.hangs:
            if place is Place.BEHIND_RECORD or (place is Place.BEFORE_RECORD and chance.random() < 0.5):
                os.kill(os.getpid(), signal.SIGSTOP)
        elif chance.random() < _DEATHS[place]:
            os._exit(place)

    path = Path(task.answers)
    done = len(answers_of(path))
    journal = DyingJournal(NatsUrl.parse(task.nats_url), name=task.journal)
    journal.passing, journal.random = passing, random.Random(f"{task.worker}-{task.life} journal")
    with closing(connect(task.redis_url)) as client, closing(journal), path.open("a") as answers:
        log = JournaledLog(JournaledStore(client, journal, partitions=1))
        for number in range(task.publishes):
            stream, count = plan.choice(STREAMS), plan.choice((1, 1, 1, 2, 5))
            is_shared, is_conditional = plan.random() < 0.25, plan.random() < 0.3
            names = [
                f"shared-{plan.randrange(60)}" if is_shared else f"{task.worker}-{number}-{n}" for n in range(count)
            ]
            if number < done:
                continue
            answer = _published(log, stream, names, is_conditional=is_conditional)
            passing(Place.BEHIND_FOLD)
            answers.write(json.dumps(asdict(answer)) + "\n")
            answers.flush()


def _published(log: JournaledLog, stream: str, names: Sequence[str], *, is_conditional: bool) -> Answer:
    expected = None
    if is_conditional:
        known = {state.name: state.head for state in log.streams(prefix=stream, after="", count=1)}
        expected = known.get(stream, 0)
    try:
        return _appended(log, stream, names, expected)
    except OutcomeUnknown:
        return replace(_appended(log, stream, names, expected), unknown=True)


def _appended(log: JournaledLog, stream: str, names: Sequence[str], expected: int | None) -> Answer:
    condition = ANY if expected is None else Expected(expected)
    try:
        appended = log.append(stream, [event(name) for name in names], expected=condition)
    except WrongExpectedVersion as error:
        return Answer(stream, tuple(names), expected, actual=error.actual)
    return Answer(stream, tuple(names), expected, tuple(appended.sequences), tuple(sorted(appended.duplicates)))


if __name__ == "__main__":
    main(Task(**json.loads(sys.argv[1])))
