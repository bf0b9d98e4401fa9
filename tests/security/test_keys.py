"""No name reaches another slot, stream or kind of key, and no value is interpreted as an argument."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from eventstore.adapters.redis.keys import (
    CONNECTIONS,
    DURABLES,
    FILTER_NAMES,
    FILTERS,
    durable_key,
    filter_reference_key,
    partition_keys,
    stream_keys,
    turn_keys,
)
from eventstore.cloudevents import from_json
from eventstore.errors import EventstoreError, SubscriptionNotFound
from eventstore.groups import Group, Held, Nack, Parked, decoded, encoded
from eventstore.positions import BEGINNING
from eventstore.streams import is_name, partition_of, stream_name, stream_of
from functions.hub import hub as current
from tests.functional.rest.api import cloudevent
from tests.security.hostile import NAMES, TEXT, WRITABLE, tries
from tests.security.parsers import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.security.hub import Hub

_COUNTS = st.sampled_from([1, 4, 16, 9999])
_OWN = {*partition_keys(3), *turn_keys(3)}


def accepted(make: Callable[[Any], str], given: object) -> str | None:
    try:
        return make(given)
    except EventstoreError:
        return None


@pytest.mark.parametrize(
    ("make", "content"),
    [(stream_name, NAMES | TEXT), (lambda content: stream_of(from_json(content)), EVENTS)],
    ids=["named", "from attributes"],
)
def test_the_keys_of_a_stream_are_in_the_slot_of_its_partition(
    make: Callable[[Any], str], content: st.SearchStrategy[Any]
) -> None:
    names = set()

    @tries(80)
    @given(content, _COUNTS)
    def check(given: object, partitions: int) -> None:
        if (name := accepted(make, given)) is None:
            return
        names.add(name)
        partition = partition_of(name, partitions)
        slots = {key_slot(key.encode()) for key in (*stream_keys(partition, name), *partition_keys(partition))}
        assert slots == {key_slot(f"p{partition}".encode())}

    check()
    assert len(names) > 1


@tries(100)
@given(NAMES, NAMES)
def test_two_streams_share_no_key_and_none_is_the_partition_s_own(stream: str, other_stream: str) -> None:
    keys = stream_keys(3, stream)
    assert len({*keys}) == len(keys)
    assert not {*keys} & _OWN
    assert (stream == other_stream) == bool({*keys} & {*stream_keys(3, other_stream)})
    others = {*keys, DURABLES, CONNECTIONS, FILTERS, FILTER_NAMES}
    assert not others & {durable_key(stream), filter_reference_key(stream)}
    assert durable_key(stream) != filter_reference_key(other_stream)


@tries(100)
@given(NAMES)
def test_a_reference_to_a_filter_stands_in_the_slot_of_its_subscription(name: str) -> None:
    assert key_slot(filter_reference_key(name).encode()) == key_slot(durable_key(name).encode())


@tries(100)
@given(TEXT)
def test_a_name_has_no_special_characters_of_keys_or_patterns(text: str) -> None:
    if is_name(text):
        assert not {*text} & {*"{}*?[]\\ \r\n\0/"}


def test_an_invalid_name_names_no_durable_subscription(hub: Hub) -> None:

    @tries(60)
    @given(TEXT)
    def check(text: str) -> None:
        for ask in (current().durables.get, current().durables.delete):
            with pytest.raises(SubscriptionNotFound):
                ask(text)

    check()
    assert not list(hub.keys())


def test_values_are_stored_as_values(hub: Hub) -> None:
    """A batch is stored as it was sent, and another stream of its partition is unchanged."""
    numbers = count()
    neighbour = next(f"other-{n}" for n in range(99) if partition_of(f"other-{n}", 4) == partition_of("canary", 4))
    hub.api.publish(cloudevent("canary"), query="?stream=canary")
    before = hub.api.get("/api/v1/streams/canary/events").json
    plain = WRITABLE.filter(lambda text: text and stored(text))

    @tries(20)
    @given(st.lists(st.tuples(plain, plain, plain), min_size=1, max_size=6))
    def check(values: list[tuple[str, str, str]]) -> None:
        sent = [
            cloudevent(f"{next(numbers)}{text}", type=kind, subject=subject, data={text: kind})
            for text, kind, subject in values
        ]
        results = hub.api.publish(*sent, query=f"?stream={neighbour}").json["results"]
        assert [(result["stream"], result["duplicate"]) for result in results] == [(neighbour, False)] * len(sent)
        read = hub.api.get(f"/api/v1/streams/{neighbour}/events?from={results[0]['sequence']}").json["events"]
        assert [{name: event[name] for name in sent[0]} for event in read] == sent
        assert hub.api.get("/api/v1/streams/canary/events").json == before

    check()
    assert list(hub.keys())


def stored(text: str) -> bool:
    """Whether an attribute may have this value."""
    try:
        from_json(json.dumps({"specversion": "1.0", "id": text, "source": "/s", "type": "t"}))
    except EventstoreError:
        return False
    return True


@tries(60)
@given(st.dictionaries(NAMES, TEXT, max_size=4))
def test_the_state_of_a_group_is_preserved_with_whole_characters(reasons: dict[str, str]) -> None:
    def group(reasons: dict[str, str]) -> Group:
        return Group(
            held={name: Held(BEGINNING, 1, 0, errors=[reason]) for name, reason in reasons.items()},
            parked={name: Parked(BEGINNING, BEGINNING, 1, 1, [reason], 0) for name, reason in reasons.items()},
        )

    text = group(reasons).encoded()

    assert text.encode().decode() == text
    assert not any(control in text for control in map(chr, range(32)))
    whole = {name: reason.encode(errors="replace").decode() for name, reason in reasons.items()}
    assert Group.decoded(text) == group(whole)


@tries(60)
@given(TEXT)
def test_a_reason_reaches_a_turn_with_whole_characters(reason: str) -> None:
    nack = Nack("c", "wf", 1, reason, None, park=False)
    assert decoded(encoded(nack).encode().decode()) == replace(nack, reason=reason.encode(errors="replace").decode())
