"""Publishers that die and hang, share streams, ids and conditions, and send again what was not answered."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import count, pairwise
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore.adapters.journaled.changes import Append
from eventstore.adapters.journaled.log import JournaledLog
from eventstore.adapters.journaled.records import decoded
from eventstore.adapters.journaled.store import JournaledStore
from eventstore.adapters.nats.address import NatsUrl
from eventstore.adapters.nats.journal import NatsJournal
from eventstore.adapters.redis.connection import connect
from eventstore.cloudevents.event import EventId, event_key
from eventstore.errors import IndexDiverged
from tests.contract.dying_publisher import STREAMS, UNREADABLE, Place, Task, answers_of
from tests.contract.log import ids
from tests.contract.test_journaled_index import index_of
from tests.contract.test_redis_log import emptied
from tests.examples import event
from tests.nats_server import NatsServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from eventstore_hosting.valkey import ValkeyServer
    from tests.contract.dying_publisher import Answer

_WORKERS, _PUBLISHES = 4, 40
_MORE, _ROUNDS = 10, 10
_SECONDS = 120
_NAME = "crash"
_RING = 1024
"""How many outcomes are kept (lua/journal/fold.lua)."""


@dataclass(frozen=True)
class Store:
    """A process of the hub on the journal of the publishers."""

    journal: NatsJournal
    store: JournaledStore
    log: JournaledLog
    redis: Redis


@contextmanager
def opened(valkey: ValkeyServer, server: NatsServer) -> Iterator[Store]:
    with (
        closing(NatsJournal(NatsUrl.parse(server.url), name=_NAME)) as journal,
        closing(connect(valkey.url)) as client,
        Redis.from_url(valkey.url) as redis,
    ):
        store = JournaledStore(client, journal, partitions=1)
        yield Store(journal, store, JournaledLog(store), redis)


def publish(tasks: Sequence[Task]) -> Counter[Place]:
    """Run publishers until each has published all; return how often one died, and where."""
    running = {task: started(task) for task in tasks}
    deaths: Counter[Place] = Counter()
    while running:
        for task, process in list(running.items()):
            code = process.wait(_SECONDS)
            del running[task]
            if code:
                deaths[Place(code)] += 1
                running[again] = started(again := replace(task, life=task.life + 1))
    return deaths


def started(task: Task) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.contract.dying_publisher", json.dumps(asdict(task))])


def folded(journal: NatsJournal) -> dict[str, dict[bytes, int]]:
    """Return the sequence of each event of each stream as the records say it, by a model of the rules."""
    streams: dict[str, dict[bytes, int]] = {}
    for _, content in journal.read(0, after=0, count=100_000):
        append = decoded(content).change
        if not isinstance(append, Append):
            continue
        stream = streams.setdefault(append.stream, {})
        count = len(append.sizes) // 4
        keys = list(dict.fromkeys(append.names[16 * n : 16 * n + 16] for n in range(count)))
        fresh = [key for key in keys if key not in stream]
        if fresh and append.expected in {"", str(len(stream))}:
            for key in fresh:
                stream[key] = len(stream) + 1
    return {name: stream for name, stream in streams.items() if stream}


def check_index(store: Store) -> None:
    """The index has what the records say, and one that is made anew is the same."""
    store.store.index.catch_up(0)
    for name, stream in folded(store.journal).items():
        assert sorted(stream.values()) == list(range(1, len(stream) + 1))
        stored = store.redis.hgetall(f"{{p0}}:state:{name}")
        assert {key: int(value) for key, value in stored.items() if len(key) == 16} == stream
        assert int(stored[b"head"]) == len(stream)
    ends, before = store.log.ends([0]), index_of(store.redis)
    store.redis.flushall()
    assert store.log.ends([0]) == ends
    assert index_of(store.redis) == before


def check_answers(store: Store, answers: Sequence[Answer]) -> None:
    """What publishers were answered is what the records say."""
    streams = folded(store.journal)
    for answer in answers:
        keys = [event_key("/tests", EventId(name)) for name in answer.ids]
        if answer.actual is None:
            assert [streams[answer.stream][key] for key in keys] == list(answer.sequences)
            fresh = [s for n, s in enumerate(answer.sequences) if n not in answer.duplicates]
            if fresh and answer.expected is not None:
                assert fresh[0] == answer.expected + 1
        else:
            assert answer.actual != answer.expected


@pytest.fixture
def server() -> Iterator[NatsServer]:
    with NatsServer.started() as server:
        yield server


def test_no_event_is_lost_doubled_or_misplaced_and_a_rebuild_is_equal(
    valkey: ValkeyServer, server: NatsServer, tmp_path: Path
) -> None:
    emptied(valkey)
    task = Task(valkey.url, server.url, _NAME, "", 0, 0, _PUBLISHES)
    tasks = [replace(task, worker=number, answers=str(tmp_path / str(number))) for number in range(_WORKERS)]
    deaths = publish(tasks)
    for number in range(1, _ROUNDS):
        if set(deaths) == set(Place):
            break
        # Until one has died at each place.
        tasks = [replace(task, publishes=task.publishes + _MORE, life=1_000 * number) for task in tasks]
        deaths += publish(tasks)
    assert set(deaths) == set(Place)
    answers = [answer for task in tasks for answer in answers_of(tmp_path / str(task.worker))]
    assert len(answers) == sum(task.publishes for task in tasks)
    with opened(valkey, server) as store:
        check_answers(store, answers)
        check_index(store)
        contents = [content for _, content in store.journal.read(0, after=0, count=100_000)]
        nonces = [decoded(content).nonce for content in contents if content not in {None, UNREADABLE}]
        # Records that were there twice at once, and records that came again behind others.
        assert any(nonce == following for nonce, following in pairwise(nonces))
        assert any(nonce in nonces[n + 2 :] for n, nonce in enumerate(nonces))
        unreadable = contents.count(UNREADABLE)
        assert unreadable
        assert store.redis.hget("{p0}:partition", "foreign") == b"%d" % unreadable


def test_a_publisher_that_hangs_until_its_outcome_is_not_kept_is_not_answered_wrongly(
    valkey: ValkeyServer, server: NatsServer, tmp_path: Path
) -> None:
    emptied(valkey)
    # It publishes under conditions as well, and ids that others publish.
    task = Task(valkey.url, server.url, _NAME, str(tmp_path / "answers"), worker=9, life=0, publishes=5, hangs=True)
    with opened(valkey, server) as store:
        # The partition is opened by this process.
        store.log.append(STREAMS[0], [event("first")])
    with opened(valkey, server) as store, started(task) as process:
        for others in count():
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            for number, stream in enumerate(STREAMS):
                store.log.append(stream, [event(f"shared-{number + 20 * others % 60}"), event(f"{others}")])
            for _ in range(_RING):
                store.journal.append(0, UNREADABLE)
            store.store.index.catch_up(0)
            process.send_signal(signal.SIGCONT)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        answers = answers_of(tmp_path / "answers")
        assert len(answers) == task.publishes
        check_answers(store, answers)
        check_index(store)
    # Nobody knew of any of them that it had just been stored: all are duplicates, or were refused on another try.
    assert any(answer.duplicates for answer in answers)
    refused = [answer for answer in answers if answer.actual is not None]
    assert refused
    assert all(answer.unknown for answer in refused)


def test_a_journal_that_lost_its_tail_stops_the_partition_until_the_index_is_rebuilt(
    valkey: ValkeyServer, server: NatsServer, tmp_path: Path
) -> None:
    emptied(valkey)
    with opened(valkey, server) as store:
        for number in range(20):
            store.log.append(STREAMS[number % 3], [event(str(number))])
        epoch = store.redis.hget("{p0}:partition", "epoch")
    server.kill()
    shutil.copytree(server.folder, tmp_path / "copy")
    server.restart()
    with opened(valkey, server) as store:
        for number in range(20, 40):
            store.log.append(STREAMS[number % 3], [event(str(number))])
    server.kill()
    shutil.rmtree(server.folder)
    shutil.copytree(tmp_path / "copy", server.folder)
    server.restart()
    with opened(valkey, server) as store:
        for name in ("late", "later"):
            with pytest.raises(IndexDiverged, match="the journal has lost records"):
                store.log.append(STREAMS[0], [event(name)])
        with pytest.raises(IndexDiverged, match="the journal has lost records"):
            store.store.index.catch_up(0)
        store.store.rebuild.partition(0)
        assert store.redis.hget("{p0}:partition", "epoch") != epoch
        assert not store.log.append(STREAMS[0], [event("after")]).duplicates
        assert ids(store.log, STREAMS[0]) == [*map(str, range(0, 20, 3)), "after"]
        check_index(store)
