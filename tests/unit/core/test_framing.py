from __future__ import annotations

import json
from typing import Any

import pytest

from eventstore.cloudevents import validated
from eventstore.cloudevents.event import RecordedEvent
from eventstore.filters import parse_filters
from eventstore.frames.builder import DeliveryBuilder, FrameLimits, PositionedEvent, missing_json
from eventstore.frames.frame import postings
from eventstore.positions import Cursor, Position
from eventstore.subscriptions import Subscription
from tests.examples import event

EPOCH = "0123456789ab"


def builder(**limits: int) -> DeliveryBuilder:
    return DeliveryBuilder(3, EPOCH, FrameLimits(**limits), "https://hub/api/v1/events")


def placed(number: int, **members: Any) -> PositionedEvent:  # noqa: ANN401 - what `event` takes
    body = event(str(number), **members).body
    return PositionedEvent(Position(1000 + number, 0, 0), RecordedEvent("wf", number, 1000 + number, body))


def subscriber(name: str = "a") -> Subscription:
    return Subscription(f"key-{name}", name, "s", parse_filters([]))


def sent(box: DeliveryBuilder) -> list[dict[str, Any]]:
    return [json.loads(p.message) for delivery in box.deliveries() for p in postings(delivery.encoded())]


def test_who_gets_the_same_events_shares_one_part() -> None:
    box = builder(shards=1)
    box.add_events([placed(1)], [(subscriber("a"), 1), (subscriber("b"), 9)], bare=False)
    [delivery] = box.deliveries()
    [part] = delivery.parts
    assert [(to.connection, to.frame) for to in part.to] == [("a", 1), ("b", 9)]


def test_connections_of_other_shards_get_deliveries_of_their_own() -> None:
    box = builder(shards=8)
    box.add_events([placed(1)], [(subscriber(f"c{number}"), 1) for number in range(40)], bare=False)
    deliveries = box.deliveries()
    assert len(deliveries) == len({delivery.shard for delivery in deliveries}) > 1


def test_a_frame_is_cut_by_number_of_events() -> None:
    box = builder(events=2)
    taken = box.add_events([placed(n) for n in range(1, 6)], [(subscriber(), 1)], bare=False)
    assert taken == 3
    assert [(m["frame"], [e["id"] for e in m["events"]]) for m in sent(box)] == [
        (1, ["1", "2"]),
        (2, ["3", "4"]),
        (3, ["5"]),
    ]


def test_a_frame_is_cut_by_bytes() -> None:
    box = builder(event_bytes=1000)
    box.add_events([placed(n, data="x" * 300) for n in range(1, 5)], [(subscriber(), 1)], bare=False)
    assert [len(message["events"]) for message in sent(box)] == [2, 2]


def test_the_cursor_of_a_frame_is_behind_its_last_event() -> None:
    box = builder()
    box.add_events([placed(1), placed(2)], [(subscriber(), 1)], bare=False)
    [message] = sent(box)
    assert Cursor.parse(message["cursor"]).places == {3: (EPOCH, Position(1002, 0, 0))}


def test_an_event_beyond_a_frame_comes_without_its_data() -> None:
    box = builder(event_bytes=1000)
    box.add_events([placed(1), placed(2, data="x" * 2000), placed(3)], [(subscriber(), 1)], bare=False)
    [one] = [e for message in sent(box) for e in message["events"] if e["id"] == "2"]
    assert "data" not in one
    assert one["dataref"] == "https://hub/api/v1/events/2?source=%2Ftests&stream=wf"
    assert (one["hubstream"], one["hubsequence"]) == ("wf", "2")


def test_an_event_whose_attributes_are_beyond_a_frame_is_told_of_in_short() -> None:
    """Events that were stored before attributes had a limit."""
    box = builder(event_bytes=5000)
    source = "/" + "%C3%A9" * 2000
    box.add_events([placed(n, source=source + str(n), x="y" * 5000) for n in (1, 2)], [(subscriber(), 1)], bare=False)
    one, other = (event for message in sent(box) for event in message["events"])
    assert one.keys() == {
        *("specversion", "id", "source", "type", "dataref"),
        *("hubstream", "hubsequence", "hubtime"),
    }
    assert one["source"] != other["source"]
    assert one["source"][:100] == source[:100]
    assert one["dataref"] == "https://hub/api/v1/streams/wf/events?from=1&limit=1"
    validated({name: value for name, value in one.items() if not name.startswith("hub")})


@pytest.mark.parametrize("member", ["id", "source", "type", "x"])
def test_no_event_makes_a_frame_larger_than_may_be_posted_or_a_delivery_than_a_queue_takes(member: str) -> None:
    long = "a" * 250_000 if member == "source" else '<"é' * 50_000
    body = event(**{"event_id" if member == "id" else member: long}).body
    box = builder()
    for bare in (True, False):
        box.add_events(
            [PositionedEvent(Position(1, 0, 0), RecordedEvent("wf", 1, 1, body))], [(subscriber(), 1)], bare=bare
        )
    assert all(len(delivery.encoded().encode()) <= 240 * 1024 for delivery in box.deliveries())
    assert all(len(json.dumps(message, ensure_ascii=False).encode()) <= 128 * 1024 for message in sent(box))


def test_characters_that_a_queue_does_not_take_are_counted_as_they_are_sent() -> None:
    box = builder(shards=1)
    bodies = [event(str(n), data="\uffff" * 5_000).body.replace(b"\\uffff", b"\xef\xbf\xbf") for n in range(9)]
    events = [PositionedEvent(Position(n, 0, 0), RecordedEvent("wf", n, n, body)) for n, body in enumerate(bodies)]
    box.add_events(events, [(subscriber(), 1)], bare=False)
    deliveries = [delivery.encoded().encode() for delivery in box.deliveries()]
    assert all(len(delivery) <= 240 * 1024 for delivery in deliveries)
    posts = [posting.message for delivery in deliveries for posting in postings(delivery.decode())]
    assert all(len(post.encode()) <= 128 * 1024 for post in posts)
    assert [len(json.loads(post)["events"]) for post in posts] == [3, 3, 3]


def test_a_delivery_is_no_larger_than_a_queue_takes() -> None:
    box = builder(delivery_bytes=5000, event_bytes=2000, shards=1)
    box.add_events([placed(n, data="x" * 900) for n in range(1, 30)], [(subscriber(), 1)], bare=True)
    bodies = [delivery.encoded() for delivery in box.deliveries()]
    assert len(bodies) > 1
    assert all(len(body.encode()) <= 5000 for body in bodies)


def test_a_delivery_is_no_more_posts_than_may_be() -> None:
    box = builder(posts=30, shards=1)
    everyone = [(subscriber(f"c{number}"), 1) for number in range(25)]
    box.add_events([placed(n) for n in range(1, 8)], everyone, bare=True)
    box.add_events([placed(8)], everyone, bare=False)
    box.add_events([placed(9)], everyone, bare=False)
    posts = [len(list(postings(delivery.encoded()))) for delivery in box.deliveries()]
    assert sum(posts) == 25 * 7 + 25 + 25
    assert max(posts) <= 30


def test_one_client_gets_a_frame_of_bare_events_whole_however_few_posts_a_delivery_may_be() -> None:
    box = builder(posts=3, shards=1)
    box.add_events([placed(n) for n in range(1, 8)], [(subscriber(), 1)], bare=True)
    assert [message["id"] for message in sent(box)] == [str(n) for n in range(1, 8)]


def test_how_deliveries_are_cut_changes_no_frame_and_no_order() -> None:
    def received(**limits: int) -> dict[str, list[str]]:
        box = builder(events=3, shards=2, **limits)
        everyone = [(subscriber(f"c{number}"), 1) for number in range(9)]
        box.add_events([placed(n) for n in range(1, 8)], everyone, bare=True)
        box.add_events([placed(8)], [(one, 8) for one, _ in everyone], bare=False)
        found: dict[str, list[str]] = {}
        for delivery in box.deliveries():
            for posting in postings(delivery.encoded()):
                found.setdefault(posting.connection, []).append(posting.message)
        return found

    assert received(posts=4) == received(posts=10_000)


def test_many_addresses_are_spread_over_parts() -> None:
    box = builder(addresses=10, shards=1)
    box.add_events([placed(1)], [(subscriber(f"c{number}"), 1) for number in range(25)], bare=False)
    [delivery] = box.deliveries()
    assert [len(part.to) for part in delivery.parts] == [10, 10, 5]


def test_what_is_missing_is_told_to_bare_clients_by_an_event() -> None:
    box = builder()
    bare = Subscription("key", "a", "url", parse_filters([]), bare=True)
    box.add_truncated(missing_json([("wf", 1, 3)], complete=False), Position(9, 0, 0), [(bare, 5)])
    [message] = sent(box)
    assert (message["type"], message["hubframe"]) == ("io.flunq.hub.truncated", 5)
    assert message["data"] == {"missing": [{"stream": "wf", "first": 1, "last": 3}], "missing_more": True}
