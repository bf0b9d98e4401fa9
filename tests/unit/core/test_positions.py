from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.errors import InvalidCursor
from eventstore.positions import Cursor, Place, Position, combined_epoch

epochs = st.binary(min_size=6, max_size=6).map(bytes.hex)
numbers = st.integers(0, (1 << 63) - 1)
positions = st.builds(Position, numbers, numbers, numbers)


@given(epochs, st.dictionaries(st.integers(0, 9999), positions))
def test_a_cursor_comes_back_from_its_token(epoch: str, places: dict[int, Position]) -> None:
    cursor = Cursor(epoch, places)
    assert Cursor.parse(cursor.token()) == cursor


@given(epochs, numbers)
def test_a_place_comes_back_from_its_token(epoch: str, sequence: int) -> None:
    assert Place.parse(Place(epoch, sequence).token()) == Place(epoch, sequence)


@given(epochs, st.dictionaries(st.integers(0, 99), positions))
def test_a_token_needs_no_escapes_in_a_url(epoch: str, places: dict[int, Position]) -> None:
    token = Cursor(epoch, places).token()
    assert token.replace("-", "").replace("_", "").isalnum()


@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")))
def test_any_other_text_is_refused_as_a_cursor(token: str) -> None:
    try:
        cursor = Cursor.parse(token)
    except InvalidCursor:
        return
    assert Cursor.parse(cursor.token()) == cursor


@given(epochs, numbers)
def test_a_place_in_one_stream_is_no_cursor_of_many(epoch: str, sequence: int) -> None:
    with pytest.raises(InvalidCursor, match="kind of read"):
        Cursor.parse(Place(epoch, sequence).token())


@given(epochs, positions)
def test_a_token_that_was_cut_is_refused_or_shorter(epoch: str, position: Position) -> None:
    whole = Cursor(epoch, {0: position, 1: position})
    for end in range(1, len(whole.token())):
        try:
            assert Cursor.parse(whole.token()[:end]) != whole
        except InvalidCursor:
            continue


def test_a_cursor_of_sixteen_partitions_stays_short() -> None:
    places = {p: Position(1_800_000_000_000, 3, 0) for p in range(16)}
    assert len(Cursor("00" * 6, places).token()) < 220


def test_one_new_epoch_changes_that_of_all() -> None:
    assert combined_epoch(["a", "b"]) != combined_epoch(["a", "c"])


def test_positions_stand_in_the_order_of_the_log() -> None:
    assert Position(1, 9, 9) < Position(2, 0, 0) < Position(2, 0, 1) < Position(2, 1, 0)
