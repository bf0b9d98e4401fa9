"""Events as the hub recorded them, and the messages that contain them."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.cloudevents.json_text import elements, members
from eventstore.errors import EventstoreError
from eventstore_client import Recorded
from eventstore_client.recorded import message_with_events

LONG = "1" + "0" * 5000
"""An integer that Python refuses to decode."""

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def event(sequence: int = 1, **given_members: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return {"id": "1", "type": "t", "hubstream": "s", "hubsequence": f"{sequence}", **given_members}


def message(*events: str, **given_members: Any) -> str:  # noqa: ANN401 - any JSON
    head = json.dumps({"type": "events", "partition": 1, **given_members})[:-1]
    return f'{head},"events":[{",".join(events)}],"cursor":"c1"}}'


@given(
    events=st.lists(st.dictionaries(st.text(), _VALUES, max_size=4), max_size=4),
    others=st.dictionaries(st.text().filter(lambda name: name != "events"), _VALUES, max_size=4),
    is_ascii=st.booleans(),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]),
    first=st.booleans(),
)
def test_a_message_is_split_into_the_texts_of_its_events(
    *,
    events: list[dict[str, Any]],
    others: dict[str, Any],
    is_ascii: bool,
    separators: tuple[str, str],
    first: bool,
) -> None:
    recorded = [one | event(number) for number, one in enumerate(events)]
    value = {"events": recorded, **others} if first else {**others, "events": recorded}
    text = json.dumps(value, ensure_ascii=is_ascii, separators=separators)
    found, found_events = message_with_events(text)
    assert found == others
    assert found_events is not None
    assert [one.text for one in found_events] == elements(members(text)["events"].text)
    assert [one.data for one in found_events] == [
        one.get("data") for one in recorded if "data_base64" not in one
    ] or any("data_base64" in one for one in recorded)
    assert [one.sequence for one in found_events] == [*range(len(events))]


def test_the_text_of_an_event_is_that_of_the_hub() -> None:
    texts = [json.dumps(event(data={"a": 1.50}), separators=(", ", " : ")), '{"hubstream":"s","hubsequence":"2"}']
    _, events = message_with_events(message(*texts))
    assert [one.text for one in events] == texts
    assert events[0].data_text == '{"a" : 1.5}'


@pytest.mark.parametrize("number", [LONG, f"[{LONG}]", f"-{LONG}"])
def test_data_that_python_cannot_decode_lose_no_event(number: str) -> None:
    text = f'{{"id":"1","type":"t","n":3,"data":{number},"hubstream":"s","hubsequence":"7"}}'
    _, [first, second] = message_with_events(message(text, json.dumps(event(8, data=5))))
    assert (first.text, first.sequence, first.data_text) == (text, 7, number)
    assert first.attributes == {"id": "1", "type": "t", "n": 3, "hubstream": "s", "hubsequence": "7"}
    assert second.data == 5
    with pytest.raises(ValueError, match="4300 digits"):
        _ = first.data


def test_text_within_a_string_is_no_member() -> None:
    found, events = message_with_events(message(json.dumps(event()), reason='"events":[{}]'))
    assert found["reason"] == '"events":[{}]'
    assert len(events) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        '{"events":[{}]}',
        '{"events":[{"hubstream":"s","hubsequence":7}]}',
        '{"events":[{"hubstream":"s","hubsequence":"x"}]}',
        '{"events":[{"hubsequence":"7"}]}',
        '{"events":[7]}',
        '{"events":[{"hubstream":"s","hubsequence":"7","data":NaN}]}',
        '{"events":[{"hubstream":"s","hubsequence":"7"}],"events":[{"hubstream":"s","hubsequence":"8"}]}',
        '{"events":{}}',
        '{"events":[' + json.dumps(event()),
        '{"events":[' + json.dumps(event()) + ",]}",
        '{"events":[' + json.dumps(event()) + "]",
        '{"events":[' + json.dumps(event()) + "]}}",
        '{"events":[],"a"}',
        '{"a":1,}',
        '{"a":1,"a":2',
    ],
)
def test_what_is_not_a_message_is_refused(text: str) -> None:
    with pytest.raises((KeyError, ValueError, EventstoreError)):
        message_with_events(text)


def test_an_event_is_immutable_and_a_value() -> None:
    text = json.dumps(event(data=[1]))
    one, same, other = Recorded.from_text(text), Recorded.from_text(text), Recorded.from_text(json.dumps(event(2)))
    assert one == same
    assert one != other
    assert one != text
    assert len({one, same, other}) == 2
    for change in (lambda: setattr(one, "text", ""), lambda: setattr(one, "new", ""), lambda: delattr(one, "text")):
        with pytest.raises(AttributeError, match="immutable"):
            change()
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301 - it is ours
    assert copy.deepcopy(one) == copy.copy(one) == one
    assert repr(one) == f"Recorded(stream='s', sequence=1, text={text!r})"


def test_base64_data_are_bytes_and_no_attributes() -> None:
    one = Recorded.from_text(json.dumps(event(data_base64="AAE=")))
    assert one.data == b"\x00\x01"
    assert one.data_text is None
    assert "data_base64" not in one.attributes
