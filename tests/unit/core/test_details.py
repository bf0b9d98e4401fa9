"""Error details quote requests and are logged, so they contain no line breaks and no control characters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.cloudevents import from_json
from eventstore.errors import EventstoreError
from eventstore.filters import parse_filters
from eventstore.positions import Cursor
from eventstore.streams import stream_name

if TYPE_CHECKING:
    from collections.abc import Callable

_TEXT = st.text(st.sampled_from("ab1'\"\n\r\x1b\x85\u2028\\() =%_,!{}[]:") | st.characters(), max_size=20)


def _event(text: str) -> None:
    from_json(json.dumps({"specversion": "1.0", "id": text, "source": text, "type": "t", text: text}))


@pytest.mark.parametrize(
    "parse",
    [
        lambda text: parse_filters([{"sql": text}]),
        lambda text: parse_filters([{"exact": {text: text}}]),
        lambda text: parse_filters([{text: text}]),
        parse_filters,
        stream_name,
        Cursor.parse,
        from_json,
        _event,
    ],
)
@given(text=_TEXT)
def test_an_error_detail_is_one_printable_line(parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except EventstoreError as error:
        detail = error.detail
    else:
        return
    assert detail.isprintable(), detail
