"""`EventStore.publish_all`, and the ids of events that have none."""

from __future__ import annotations

import json
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client import EventStore, Invalid, Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.functional.client.fake_hub import FakeHub


def event(event_id: str = "1", **members: object) -> dict[str, Any]:
    return {"specversion": "1.0", "id": event_id, "source": "/tests", "type": "t", **members}


def test_more_events_than_a_request_may_hold_are_stored_in_order(rest_hub: EventStore) -> None:
    positions: list[Stored] = []

    stored = rest_hub.publish_all(
        (event(str(number)) for number in range(2_500)), stream="s", on_stored=positions.extend
    )

    assert stored == 2_500
    assert [(position.sequence, position.id) for position in positions] == [(n + 1, str(n)) for n in range(2_500)]
    assert [found.id for found in rest_hub.read("s")] == [str(number) for number in range(2_500)]


def test_more_bytes_than_a_request_may_hold_are_stored(rest_hub: EventStore) -> None:
    events = [event(str(number), data="x" * 200_000) for number in range(20)]

    assert rest_hub.publish_all(events, stream="s") == 20
    assert rest_hub.streams.get("s").count == 20


def test_publishing_all_again_stores_each_event_once(rest_hub: EventStore) -> None:
    events = [event(str(number)) for number in range(30)]
    rest_hub.publish_all(events[:20], stream="s", batch=7)
    positions: list[Stored] = []

    rest_hub.publish_all(events, stream="s", batch=7, on_stored=positions.extend)

    assert [position.duplicate for position in positions] == [True] * 20 + [False] * 10
    assert rest_hub.streams.get("s").head == 30


def test_a_rejected_event_stops_a_generator_without_an_end(store: EventStore, hub: FakeHub) -> None:
    produced = count(1)

    def events() -> Iterator[dict[str, Any]]:
        for number in produced:
            yield event(str(number)) if number != 25 else {"type": "t"}

    with pytest.raises(Invalid) as failed:
        store.publish_all(events(), stream="s", batch=10)

    assert "of those passed to publish_all" in failed.value.__notes__[0]
    assert len(hub.streams["s"]) < 25
    assert next(produced) < 100


def test_the_events_before_an_error_of_the_iterable_are_stored(store: EventStore, hub: FakeHub) -> None:
    def events() -> Iterator[dict[str, Any]]:
        yield from (event(str(number)) for number in range(15))
        raise LookupError("the source failed")

    with pytest.raises(LookupError):
        store.publish_all(events(), stream="s", batch=10)

    assert len(hub.streams["s"]) == 15


def test_a_single_event_instead_of_several_is_an_error(store: EventStore) -> None:
    with pytest.raises(TypeError, match="wrap a single event in a list"):
        store.publish_all(event())  # type: ignore[arg-type]


@pytest.mark.parametrize("batch", [0, 1_001])
def test_a_batch_that_no_request_can_have_is_an_error(store: EventStore, batch: int) -> None:
    with pytest.raises(ValueError, match=f"batch must be 1 to 1000, not {batch}"):
        store.publish_all([event()], batch=batch)


def test_ids_are_made_by_the_source_of_ids(hub: FakeHub, open_store: Callable[..., EventStore]) -> None:
    ids = (f"id-{number}" for number in count(1))
    with open_store(hub.url, new_id=lambda: next(ids)) as store:
        stored = store.publish([{"specversion": "1.0", "source": "/s", "type": "t"} for _ in range(2)], stream="s")
        store.publish_all([{"specversion": "1.0", "source": "/s", "type": "t"}], stream="s")

    assert [position.id for position in stored] == ["id-1", "id-2"]
    assert json.loads(hub.bodies("s")[2])["id"] == "id-3"


def test_a_made_id_is_kept_when_the_request_is_retried(store: EventStore, hub: FakeHub) -> None:
    hub.faults.append("lose")

    [stored] = store.publish([{"specversion": "1.0", "source": "/s", "type": "t"}], stream="s")

    assert (stored.sequence, stored.duplicate, len(hub.streams["s"])) == (1, True, 1)


def test_positions_are_reported_while_events_are_produced(store: EventStore) -> None:
    seen: list[Sequence[Stored]] = []

    def events() -> Iterator[dict[str, Any]]:
        for number in islice(count(1), 200):
            yield event(str(number))

    store.publish_all(events(), stream="s", batch=10, on_stored=seen.append)

    assert sum(map(len, seen)) == 200
    assert all(len(positions) <= 10 for positions in seen)
