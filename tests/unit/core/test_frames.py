from __future__ import annotations

import json
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from eventstore.frames.frame import Address, Delivery, Kind, Part, Posting, postings, shard_of
from eventstore.frames.hub_messages import closing

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_ADDRESSES = st.lists(
    st.builds(Address, st.sampled_from(["a=", "b="]), st.just("s"), st.integers(1, 99), st.just(0)),
    min_size=1,
    max_size=4,
)


def part(kind: str, *texts: str, to: tuple[Address, ...] = (Address("a", "s", 3, 0),)) -> Part:
    return Part(kind, 7, tuple(f"c{number}" for number in range(len(texts) or 1)), texts, to)


def messages(*parts: Part) -> list[str]:
    return [posting.message for posting in postings(Delivery(0, parts).encoded())]


def test_events_stand_in_a_frame_as_they_were_stored() -> None:
    [message] = messages(part(Kind.EVENTS, '[{"data":1.0}]'))
    assert message == '{"type":"events","id":"s","partition":7,"frame":3,"events":[{"data":1.0}],"cursor":"c0"}'


def test_a_live_frame_carries_partition_frame_and_cursor() -> None:
    assert messages(part(Kind.LIVE)) == ['{"type":"live","id":"s","partition":7,"frame":3,"cursor":"c0"}']


def test_a_truncated_frame_lists_what_is_missing() -> None:
    [message] = messages(part(Kind.TRUNCATED, '"missing":[]'))
    assert message == '{"type":"truncated","id":"s","partition":7,"frame":3,"missing":[],"cursor":"c0"}'


def test_bare_events_are_numbered_each() -> None:
    assert [json.loads(message) for message in messages(part(Kind.BARE, '{"id":"1"}', '{"id":"2"}'))] == [
        {"id": "1", "hubpartition": 7, "hubframe": 3, "hubcursor": "c0"},
        {"id": "2", "hubpartition": 7, "hubframe": 4, "hubcursor": "c1"},
    ]


def test_text_is_sent_unchanged() -> None:
    assert messages(part(Kind.TEXT, "anything")) == ["anything"]


def test_a_closing_message_is_the_last_of_its_connection() -> None:
    delivery = closing('{"type":"error"}', Address("c", "", 0, 5), shards=16)
    assert list(postings(delivery.encoded())) == [Posting("c", '{"type":"error"}', 5, closes=True)]
    assert delivery.shard == shard_of("c", 16)


def test_characters_that_a_queue_refuses_are_escaped() -> None:
    encoded = Delivery(0, (part(Kind.EVENTS, '["\ufffe\uffff"]'),)).encoded()
    assert "\ufffe" not in encoded
    assert "\uffff" not in encoded
    [posting] = postings(encoded)
    assert json.loads(posting.message)["events"] == ["\ufffe\uffff"]


@given(st.lists(st.tuples(_TEXT, _ADDRESSES), min_size=1, max_size=5))
def test_each_connection_gets_its_messages_in_order(deliveries: list[tuple[str, list[Address]]]) -> None:
    parts = tuple(part(Kind.EVENTS, json.dumps([text]), to=tuple(to)) for text, to in deliveries)
    wanted = [(to.connection, to.frame, text) for text, addresses in deliveries for to in addresses]
    posted = [(posting.connection, json.loads(posting.message)) for posting in postings(Delivery(0, parts).encoded())]
    got = [(connection, message["frame"], message["events"][0]) for connection, message in posted]

    def connection_of(entry: tuple[str, int, str]) -> str:
        return entry[0]

    def per_connection(entries: list[tuple[str, int, str]]) -> dict[str, list[tuple[str, int, str]]]:
        ordered = sorted(entries, key=connection_of)
        return {name: list(group) for name, group in groupby(ordered, key=connection_of)}

    assert per_connection(got) == per_connection(wanted)


def test_a_connection_is_always_of_the_same_shard() -> None:
    assert shard_of("TWegAfCWIAMCKlQ=", 16) == shard_of("TWegAfCWIAMCKlQ=", 16)


def test_connections_are_spread_over_all_shards() -> None:
    assert {shard_of(f"c{number}=", 16) for number in range(500)} == set(range(16))
