from __future__ import annotations

import json
from typing import Any

import pytest

from eventstore.cloudevents import validated
from eventstore.cloudevents.event import RecordedEvent
from eventstore.filters import parse_filters
from eventstore.frames.builder import DeliveryBuilder, FrameLimits
from eventstore.frames.frame import postings
from eventstore.frames.hub_messages import missing_json
from eventstore.frames.positioned import PositionedEvent
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


def test_recipients_of_the_same_events_share_one_part() -> None:
    box = builder(shards=1)
    box.add_events([placed(1)], [(subscriber("a"), 1), (subscriber("b"), 9)], bare=False)
    [delivery] = box.deliveries()
    [part] = delivery.parts
    assert [(to.connection, to.frame) for to in part.to] == [("a", 1), ("b", 9)]


def test_each_shard_has_its_own_deliveries() -> None:
    box = builder(shards=8)
    box.add_events([placed(1)], [(subscriber(f"c{number}"), 1) for number in range(40)], bare=False)
    deliveries = box.deliveries()
    assert len(deliveries) == len({delivery.shard for delivery in deliveries}) > 1


def test_a_frame_is_cut_by_number_of_events() -> None:
    box = builder(events=2)
    added = box.add_events([placed(n) for n in range(1, 6)], [(subscriber(), 1)], bare=False)
    assert added == 3
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


def test_an_event_larger_than_a_frame_is_sent_without_its_data() -> None:
    box = builder(event_bytes=1000)
    box.add_events([placed(1), placed(2, data="x" * 2000), placed(3)], [(subscriber(), 1)], bare=False)
    [oversized] = [e for message in sent(box) for e in message["events"] if e["id"] == "2"]
    assert "data" not in oversized
    assert oversized["dataref"] == "https://hub/api/v1/events/2?source=%2Ftests&stream=wf"
    assert (oversized["hubstream"], oversized["hubsequence"]) == ("wf", "2")


def test_an_event_whose_attributes_exceed_a_frame_is_sent_abbreviated() -> None:
    """Events stored before attributes had a size limit are abbreviated."""
    box = builder(event_bytes=5000)
    source = "/" + "%C3%A9" * 2000
    box.add_events([placed(n, source=source + str(n), x="y" * 5000) for n in (1, 2)], [(subscriber(), 1)], bare=False)
    first, second = (event for message in sent(box) for event in message["events"])
    assert first.keys() == {
        *("specversion", "id", "source", "type", "dataref"),
        *("hubstream", "hubsequence", "hubtime"),
    }
    assert first["source"] != second["source"]
    assert first["source"][:100] == source[:100]
    assert first["dataref"] == "https://hub/api/v1/streams/wf/events?from=1&limit=1"
    validated({name: value for name, value in first.items() if not name.startswith("hub")})


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


def test_characters_that_a_queue_refuses_count_by_their_escaped_size() -> None:
    box = builder(shards=1)
    bodies = [event(str(n), data="\uffff" * 5_000).body.replace(b"\\uffff", b"\xef\xbf\xbf") for n in range(9)]
    events = [PositionedEvent(Position(n, 0, 0), RecordedEvent("wf", n, n, body)) for n, body in enumerate(bodies)]
    box.add_events(events, [(subscriber(), 1)], bare=False)
    deliveries = [delivery.encoded().encode() for delivery in box.deliveries()]
    assert all(len(delivery) <= 240 * 1024 for delivery in deliveries)
    posts = [posting.message for delivery in deliveries for posting in postings(delivery.decode())]
    assert all(len(post.encode()) <= 128 * 1024 for post in posts)
    assert [len(json.loads(post)["events"]) for post in posts] == [3, 3, 3]


def test_a_delivery_is_at_most_as_large_as_a_queue_message() -> None:
    box = builder(delivery_bytes=5000, event_bytes=2000, shards=1)
    box.add_events([placed(n, data="x" * 900) for n in range(1, 30)], [(subscriber(), 1)], bare=True)
    bodies = [delivery.encoded() for delivery in box.deliveries()]
    assert len(bodies) > 1
    assert all(len(body.encode()) <= 5000 for body in bodies)


def test_a_delivery_has_at_most_the_allowed_posts() -> None:
    box = builder(posts=30, shards=1)
    everyone = [(subscriber(f"c{number}"), 1) for number in range(25)]
    box.add_events([placed(n) for n in range(1, 8)], everyone, bare=True)
    box.add_events([placed(8)], everyone, bare=False)
    box.add_events([placed(9)], everyone, bare=False)
    posts = [len(list(postings(delivery.encoded()))) for delivery in box.deliveries()]
    assert sum(posts) == 25 * 7 + 25 + 25
    assert max(posts) <= 30


def test_a_client_gets_a_whole_frame_of_bare_events_whatever_the_limit_of_posts() -> None:
    box = builder(posts=3, shards=1)
    box.add_events([placed(n) for n in range(1, 8)], [(subscriber(), 1)], bare=True)
    assert [message["id"] for message in sent(box)] == [str(n) for n in range(1, 8)]


def test_splitting_into_deliveries_changes_no_frame_and_no_order() -> None:
    def received(**limits: int) -> dict[str, list[str]]:
        box = builder(events=3, shards=2, **limits)
        everyone = [(subscriber(f"c{number}"), 1) for number in range(9)]
        box.add_events([placed(n) for n in range(1, 8)], everyone, bare=True)
        box.add_events([placed(8)], [(client, 8) for client, _ in everyone], bare=False)
        messages: dict[str, list[str]] = {}
        for delivery in box.deliveries():
            for posting in postings(delivery.encoded()):
                messages.setdefault(posting.connection, []).append(posting.message)
        return messages

    assert received(posts=4) == received(posts=10_000)


def test_many_addresses_are_split_into_parts() -> None:
    box = builder(addresses=10, shards=1)
    box.add_events([placed(1)], [(subscriber(f"c{number}"), 1) for number in range(25)], bare=False)
    [delivery] = box.deliveries()
    assert [len(part.to) for part in delivery.parts] == [10, 10, 5]


def test_a_bare_client_is_sent_losses_as_an_event() -> None:
    box = builder()
    bare = Subscription("key", "a", "url", parse_filters([]), bare=True)
    box.add_truncated(missing_json([("wf", 1, 3)], complete=False), Position(9, 0, 0), [(bare, 5)])
    [message] = sent(box)
    assert (message["type"], message["hubframe"]) == ("io.flunq.hub.truncated", 5)
    assert message["data"] == {"missing": [{"stream": "wf", "first": 1, "last": 3}], "missing_more": True}
