"""Publishers that die anywhere, share streams, ids and conditions, and send again what was not answered."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from redis import Redis

from eventstore.adapters.journaled.changes import Append
from eventstore.adapters.journaled.records import decoded
from eventstore.adapters.journaled.store import JournaledStore
from eventstore.adapters.nats.address import NatsUrl
from eventstore.adapters.nats.journal import NatsJournal
from eventstore.adapters.redis.connection import connect
from eventstore.cloudevents.event import EventId, event_key
from tests.contract.dying_publisher import DIED, Task, answers_of
from tests.contract.test_journaled_index import index_of
from tests.contract.test_redis_log import emptied
from tests.nats_server import NatsServer

if TYPE_CHECKING:
    from pathlib import Path

    from eventstore_hosting.valkey import ValkeyServer

_WORKERS, _PUBLISHES, _DEATHS = 4, 60, 0.02
_SECONDS = 120


def publish(tasks: list[Task]) -> int:
    """Run publishers until each has published all; return how often one died."""
    running = {task: _started(task) for task in tasks}
    deaths = 0
    while running:
        for task, process in list(running.items()):
            code = process.wait(_SECONDS)
            del running[task]
            assert code in {0, DIED}
            if code == DIED:
                deaths += 1
                running[again] = _started(again := replace(task, life=task.life + 1))
    return deaths


def _started(task: Task) -> subprocess.Popen[bytes]:
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


def test_no_event_is_lost_doubled_or_misplaced_and_a_rebuild_is_equal(valkey: ValkeyServer, tmp_path: Path) -> None:
    emptied(valkey)
    with NatsServer.started() as server:
        task = Task(valkey.url, server.url, "crash", "", 0, 0, _PUBLISHES, _DEATHS)
        tasks = [replace(task, worker=number, answers=str(tmp_path / str(number))) for number in range(_WORKERS)]
        deaths = publish(tasks)
        answers = [answer for number in range(_WORKERS) for answer in answers_of(tmp_path / str(number))]
        assert len(answers) == _WORKERS * _PUBLISHES
        assert deaths > 5
        with (
            closing(NatsJournal(NatsUrl.parse(server.url), name="crash")) as journal,
            closing(connect(valkey.url)) as client,
            Redis.from_url(valkey.url) as redis,
        ):
            store = JournaledStore(client, journal)
            store.index.catch_up(0)
            streams = folded(journal)
            for name, stream in streams.items():
                assert sorted(stream.values()) == list(range(1, len(stream) + 1))
                stored = redis.hgetall(f"{{p0}}:state:{name}")
                assert {key: int(value) for key, value in stored.items() if len(key) == 16} == stream
                assert int(stored[b"head"]) == len(stream)
            for answer in answers:
                keys = [event_key("/tests", EventId(name)) for name in answer.ids]
                if answer.actual is None:
                    assert [streams[answer.stream][key] for key in keys] == list(answer.sequences)
                    fresh = [s for n, s in enumerate(answer.sequences) if n not in answer.duplicates]
                    if fresh and answer.expected is not None:
                        assert fresh[0] == answer.expected + 1
                else:
                    assert answer.actual != answer.expected
            before = index_of(redis)
            redis.flushall()
            store.index.catch_up(0)
            assert index_of(redis) == before
