"""Reads of one stream that wait for its next event, on the log of each adapter."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from eventstore.errors import StreamGone, StreamNotFound
from eventstore.read.pages import StreamQuery, read_stream
from tests.examples import event, events

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from eventstore.ports import Log
    from eventstore.read.pages import StreamPage

_LONG = 30.0
"""A wait that no test lets end by itself, in seconds."""


@pytest.fixture
def log(each_log: Log) -> Log:
    return each_log


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def waiting(pool: ThreadPoolExecutor, log: Log, *, start: int) -> Future[StreamPage]:
    """A read of `wf` from a sequence on, under way. It may begin to wait before or after what the test does next."""
    return pool.submit(read_stream, log, "wf", StreamQuery(start=start, wait_seconds=_LONG))


def test_a_reader_who_waits_gets_the_next_event(log: Log, pool: ThreadPoolExecutor) -> None:
    log.append("wf", events(2))
    page = waiting(pool, log, start=3)
    log.append("wf", [event("3")])
    assert [one.sequence for one in page.result(10).events] == [3]


def test_a_reader_can_wait_for_a_stream_that_is_not_there_yet(log: Log, pool: ThreadPoolExecutor) -> None:
    page = waiting(pool, log, start=1)
    log.append("wf", events(1))
    assert [one.sequence for one in page.result(10).events] == [1]


def test_what_is_there_is_read_at_once(log: Log) -> None:
    log.append("wf", events(2))
    begun = time.monotonic()
    assert len(read_stream(log, "wf", StreamQuery(start=2, wait_seconds=_LONG)).events) == 1
    assert time.monotonic() - begun < _LONG / 2


def test_who_waits_for_a_stream_that_is_deleted_for_good_learns_of_it(log: Log, pool: ThreadPoolExecutor) -> None:
    log.append("wf", events(2))
    page = waiting(pool, log, start=3)
    log.delete("wf", permanently=True)
    with pytest.raises(StreamGone):
        page.result(10)


@pytest.mark.parametrize("exists", [False, True])
def test_a_wait_in_vain_ends_when_its_time_is_over(log: Log, *, exists: bool) -> None:
    query = StreamQuery(start=3, wait_seconds=0.2)
    begun = time.monotonic()
    if exists:
        log.append("wf", events(2))
        assert read_stream(log, "wf", query).events == []
    else:
        with pytest.raises(StreamNotFound):
            read_stream(log, "wf", query)
    assert time.monotonic() - begun >= 0.2
