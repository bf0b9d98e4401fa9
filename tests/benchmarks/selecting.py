"""Finding one event among a million by its source, page by page, as over REST."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.log import RedisLog
from eventstore.cloudevents.event import Event, JsonData
from eventstore.filters import filter_of_parameters
from eventstore.read.pages import AllQuery, read_all
from eventstore.read.selection import Selection
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.measure import Aim, Figure, Unit
from tests.benchmarks.placement import apart_from

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["figures"]

_EVENTS = 1_000_000
_BATCH = 100
_PLACE = _EVENTS // 3
_SECONDS = 0.4
_RARE = Selection(filter_of_parameters({"source": ["/rare"]}))


def figures() -> Iterator[Figure]:
    """The requests that it takes, and the longest of them, from either end."""
    with apart_from(ValkeyServer.start) as server:
        client: Any = connect(server.url)
        with closing(client):
            log = RedisLog(client)
            for start in range(0, _EVENTS, _BATCH):
                log.append(f"order-{start}", [_event(number) for number in range(start, start + _BATCH)])
            began = time.perf_counter()
            # As the sweep does it.
            log.index(range(log.partitions))
            rate = _EVENTS / (time.perf_counter() - began)
            results = {order: _requests(log, backwards=order == "desc") for order in ("asc", "desc")}
    for order, (requests, longest) in results.items():
        what = f"One event in {_EVENTS:,} by its source, order={order}"
        yield Figure(f"{what}: requests", requests, Unit.REQUESTS, Aim("≤", 3))
        yield Figure(f"{what}: the longest", longest * 1000, Unit.MILLISECONDS)
    yield Figure("Indexing, by the sweep", rate, Unit.RATE)


def _requests(log: RedisLog, *, backwards: bool) -> tuple[int, float]:
    """How many pages there are, and how long the longest takes."""
    cursor: str | None = None
    matches = requests = 0
    longest = 0.0
    while True:
        began = time.perf_counter()
        until = began + _SECONDS

        def may_go_on(until: float = until) -> bool:
            return time.perf_counter() < until

        query = AllQuery(limit=10, cursor=cursor, backwards=backwards, selection=_RARE)
        page = read_all(log, query, may_go_on=may_go_on)
        longest = max(longest, time.perf_counter() - began)
        requests += 1
        matches += len(page.events)
        cursor = page.next
        if cursor is None:
            break
    if matches != 1:
        raise AssertionError(f"{matches} events were found; one was stored")
    return requests, longest


def _event(number: int) -> Event:
    attributes = {
        "specversion": "1.0",
        "id": str(number),
        "source": "/rare" if number == _PLACE else "/flunq/executor",
        "type": f"io.flunq.task.{number % 7}",
        "workflowid": f"order-{number // _BATCH}",
        "datacontenttype": "application/json",
    }
    return Event(attributes, JsonData(f'{{"output":"{number:0120}"}}'))
