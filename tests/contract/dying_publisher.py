"""A publisher that dies at random places, as a process of its own: `python -m tests.contract.dying_publisher …`.

It goes on where its file of answers ends, so what was not answered is sent again.
"""

from __future__ import annotations

import json
import os
import random
import sys
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore.adapters.journaled.log import JournaledLog
from eventstore.adapters.journaled.store import JournaledStore
from eventstore.adapters.nats.address import NatsUrl
from eventstore.adapters.nats.journal import NatsJournal
from eventstore.adapters.redis.connection import connect
from eventstore.errors import WrongExpectedVersion
from eventstore.streams import ANY, Expected
from tests.examples import event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore.ports.journal import JournalEnd, JournalRecord

__all__ = ["DIED", "Answer", "Task", "answers_of", "main"]

DIED = 9
"""The exit code of a publisher that died."""

_STREAMS = ("wf-0", "wf-1", "wf-2")


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
        deaths: How often it dies, of so many places that it passes.
    """

    redis_url: str
    nats_url: str
    journal: str
    answers: str
    worker: int
    life: int
    publishes: int
    deaths: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a publish: the sequence of each id, or the version at which the stream was instead."""

    stream: str
    ids: tuple[str, ...]
    expected: int | None
    sequences: tuple[int, ...] = ()
    duplicates: tuple[int, ...] = ()
    actual: int | None = None


class DyingJournal(NatsJournal):
    """A journal whose user may die before a record is stored, and behind that."""

    perhaps_die: Callable[[], None]

    def append(self, partition: int, record: bytes) -> int:
        self.perhaps_die()
        position = super().append(partition, record)
        self.perhaps_die()
        return position

    def read(self, partition: int, *, after: int, count: int) -> Sequence[JournalRecord]:
        self.perhaps_die()
        return super().read(partition, after=after, count=count)

    def end(self, partition: int) -> JournalEnd:
        self.perhaps_die()
        return super().end(partition)


def answers_of(path: Path) -> list[Answer]:
    """Return the answers that a publisher has; the last line may be cut off."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    found = [json.loads(line) for line in lines if line.endswith("\n")]
    return [Answer(**{k: tuple(v) if isinstance(v, list) else v for k, v in each.items()}) for each in found]


def main(task: Task) -> None:
    """Publish what is left to publish, or die."""
    chance, plan = random.Random(f"{task.worker}-{task.life}"), random.Random(task.worker)

    def perhaps_die() -> None:
        if chance.random() < task.deaths:
            os._exit(DIED)

    path = Path(task.answers)
    done = len(answers_of(path))
    journal = DyingJournal(NatsUrl.parse(task.nats_url), name=task.journal)
    journal.perhaps_die = perhaps_die
    with closing(connect(task.redis_url)) as client, closing(journal), path.open("a") as answers:
        log = JournaledLog(JournaledStore(client, journal, partitions=1))
        for number in range(task.publishes):
            stream, count = plan.choice(_STREAMS), plan.choice((1, 1, 1, 2, 5))
            is_shared, is_conditional = plan.random() < 0.25, plan.random() < 0.3
            names = [
                f"shared-{plan.randrange(60)}" if is_shared else f"{task.worker}-{number}-{n}" for n in range(count)
            ]
            if number < done:
                continue
            answer = _published(log, stream, names, is_conditional=is_conditional)
            perhaps_die()
            answers.write(json.dumps(asdict(answer)) + "\n")
            answers.flush()


def _published(log: JournaledLog, stream: str, names: Sequence[str], *, is_conditional: bool) -> Answer:
    expected = None
    if is_conditional:
        known = {state.name: state.head for state in log.streams(prefix=stream, after="", count=1)}
        expected = known.get(stream, 0)
    try:
        appended = log.append(
            stream, [event(name) for name in names], expected=ANY if expected is None else Expected(expected)
        )
    except WrongExpectedVersion as error:
        return Answer(stream, tuple(names), expected, actual=error.actual)
    return Answer(stream, tuple(names), expected, tuple(appended.sequences), tuple(sorted(appended.duplicates)))


if __name__ == "__main__":
    main(Task(**json.loads(sys.argv[1])))
