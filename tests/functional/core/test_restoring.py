"""A store that was restored from an older snapshot, and given a new epoch as docs/operations/recovery.md says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
from redis import Redis

from eventstore.adapters.redis_connection import connect
from eventstore.errors import NewEpoch
from eventstore.reading import AllQuery, StreamQuery, read_all, read_stream
from tests.examples import event, events
from tests.fresh import forget
from tests.functional.core.live import Live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eventstore.adapters.redis_connection import Client
    from eventstore_dev.valkey import ValkeyServer

Renew: TypeAlias = "Callable[[Mapping[str, str], None], None]"

_PAGE = (Path(__file__).parents[3] / "docs/operations/recovery.md").read_text()


@pytest.fixture
def plain(valkey: ValkeyServer) -> Iterator[Redis]:
    with Redis.from_url(valkey.url) as plain:
        plain.flushall()
        yield plain


@pytest.fixture
def client(valkey: ValkeyServer, plain: Redis) -> Iterator[Client]:
    assert plain.ping()
    client = connect(valkey.url)
    yield client
    client.close()


@pytest.fixture
def live(client: Client) -> Live:
    live = Live(client, partitions=2)
    # Partitions are made when they are first read.
    assert read_all(live.log, AllQuery()).events == []
    return live


@pytest.fixture
def renew(valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Renew]:
    """The program of the page."""
    monkeypatch.setenv("REDIS_URL", valkey.url)
    forget()
    [program] = re.findall(r"```python\n(.*?)```", _PAGE, re.DOTALL)
    defined: dict[str, Renew] = {}
    exec("\n".join(line[3:] for line in program.splitlines()), defined)  # noqa: S102 - the page's own
    yield defined["handler"]
    forget()


class Snapshot:
    """All that a store holds."""

    def __init__(self, plain: Redis) -> None:
        self._plain = plain
        self._dumps = {key: plain.dump(key) for key in plain.scan_iter()}

    def restore(self) -> None:
        """Let the store be what it was."""
        self._plain.flushall()
        for key, dump in self._dumps.items():
            assert isinstance(dump, bytes)
            self._plain.restore(key, 0, dump)


def test_a_page_of_a_stream_does_not_go_on_where_history_was_lost(live: Live, plain: Redis, renew: Renew) -> None:
    live.store.publish([event("1")], stream="wf")
    snapshot = Snapshot(plain)
    live.store.publish([event("2"), event("3")], stream="wf")
    page = read_stream(live.log, "wf", StreamQuery(limit=2))
    snapshot.restore()
    renew({}, None)
    live.store.publish([event("4"), event("5")], stream="wf")
    with pytest.raises(NewEpoch):
        read_stream(live.log, "wf", StreamQuery(cursor=page.next))


def test_a_page_of_all_streams_does_not_go_on_where_history_was_lost(live: Live, plain: Redis, renew: Renew) -> None:
    live.store.publish(events(2), stream="wf")
    snapshot = Snapshot(plain)
    live.store.publish(events(2, start=3), stream="wf")
    page = read_all(live.log, AllQuery())
    snapshot.restore()
    renew({}, None)
    with pytest.raises(NewEpoch):
        read_all(live.log, AllQuery(cursor=page.cursor))


def test_who_resumes_is_told_that_the_store_is_another(live: Live, plain: Redis, renew: Renew) -> None:
    snapshot = Snapshot(plain)
    subscribed = live.subscribe("a")
    live.settle()
    snapshot.restore()
    renew({}, None)
    resumed = live.subscribe("b", cursors=[subscribed.cursor])
    assert resumed.recovery == "new-epoch"
    assert resumed.renewed == [0, 1]


def test_a_connection_that_stayed_notices_a_hole(live: Live, plain: Redis, renew: Renew) -> None:
    live.subscribe("a", streams=["wf"])
    live.settle()
    snapshot = Snapshot(plain)
    live.store.publish([event("1")], stream="wf")
    live.settle()
    last = live.received()["a"][-1]["frame"]
    snapshot.restore()
    renew({}, None)
    live.store.publish([event("2")], stream="wf")
    live.settle()
    assert live.received()["a"][-1]["frame"] > last + 1


def test_what_is_published_again_is_stored_once(live: Live, plain: Redis, renew: Renew) -> None:
    live.store.publish([event("1")], stream="wf")
    snapshot = Snapshot(plain)
    live.store.publish([event("2")], stream="wf")
    snapshot.restore()
    renew({}, None)
    again = [live.store.publish([event(name)], stream="wf")[0] for name in ("1", "2")]
    assert [(one.sequence, one.duplicate) for one in again] == [(1, True), (2, False)]
