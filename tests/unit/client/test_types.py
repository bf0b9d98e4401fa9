"""What a type checker sees of the two faces."""

from __future__ import annotations

from pathlib import Path

from mypy import api

_ROOT = Path(__file__).parents[3]

_PROGRAM = """
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from typing import Any, assert_type

from eventstore_client import (
    AsyncEventStore, AsyncSearch, AsyncSubscription, EventStore, Search, Stats, Stored, StreamInfo, Subscription
)

def blocking(store: EventStore) -> None:
    assert_type(store.streams.get("s"), StreamInfo)
    assert_type(store.streams.list(prefix="s"), Iterator[StreamInfo])
    assert_type(store.publish([{}], stream="s", expected=1), list[Stored])
    assert_type(store.search(type="t", order="desc"), Search)
    assert_type(store.subscribe(stream="s"), Subscription)
    assert_type(store.stats(), Stats)
    assert_type(store.dead_letters.purge("workers"), tuple[str, ...])
    store.streams.delete("s", expected="etag")

async def asynchronous(store: AsyncEventStore) -> None:
    getting = assert_type(store.streams.get("s"), Coroutine[Any, Any, StreamInfo])
    assert_type(await getting, StreamInfo)
    assert_type(store.streams.list(prefix="s"), AsyncIterator[StreamInfo])
    assert_type(await store.publish([{}], stream="s", expected=1), list[Stored])
    assert_type(store.search(type="t", order="desc"), AsyncSearch)
    assert_type(await store.subscribe(stream="s"), AsyncSubscription)
    async with store.subscribe() as subscription:
        assert_type(subscription, AsyncSubscription)
    assert_type(await store.health(), Mapping[str, Any])
"""

_MISTAKES = """
from eventstore_client import AsyncEventStore, EventStore

async def mistaken(store: AsyncEventStore, blocking: EventStore) -> None:
    store.publish([])
    await store.streams.get(1)
    store.search(typo="t")
    blocking.streams.create("s", max_event=1)
"""


def checked(program: str, folder: Path) -> list[str]:
    path = folder / "program.py"
    path.write_text(program)
    output, errors, _ = api.run(["--config-file", str(_ROOT / "pyproject.toml"), "--no-error-summary", str(path)])
    assert not errors
    return output.splitlines()


def test_results_have_the_types_of_the_face(tmp_path: Path) -> None:
    assert checked(_PROGRAM, tmp_path) == []


def test_mistakes_are_found(tmp_path: Path) -> None:
    errors = [line for line in checked(_MISTAKES, tmp_path) if ": error: " in line]

    assert [line.rpartition("[")[2] for line in errors] == ["unused-coroutine]", "arg-type]", "call-arg]", "call-arg]"]
