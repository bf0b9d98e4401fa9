from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.errors import InvalidCursor
from eventstore.positions import END_OF_APPEND, Cursor, Position, StreamCursor

epochs = st.binary(min_size=6, max_size=6).map(bytes.hex)
numbers = st.integers(0, (1 << 63) - 1)
positions = st.builds(Position, numbers, numbers, numbers)


@st.composite
def cursors_with_some_serials(draw: st.DrawFn) -> Cursor:
    places = draw(st.dictionaries(st.integers(0, 9999), st.tuples(epochs, positions)))
    known = draw(st.sets(st.sampled_from(sorted(places)))) if places else set()
    return Cursor(places, {partition: draw(st.integers(1, 1 << 40)) for partition in known})


cursors = cursors_with_some_serials()

_EPOCH, _OTHER = "0a" * 6, "0b" * 6


def place(time: int, *, epoch: str = _EPOCH) -> tuple[str, Position]:
    return epoch, Position(time, 0, 0)


@given(cursors)
def test_a_cursor_survives_its_token(cursor: Cursor) -> None:
    assert Cursor.parse(cursor.token()) == cursor


@given(epochs, numbers, numbers)
def test_a_stream_cursor_survives_its_token(epoch: str, sequence: int, first: int) -> None:
    assert StreamCursor.parse(StreamCursor(epoch, sequence, first).token()) == StreamCursor(epoch, sequence, first)


def test_tokens_of_earlier_versions_are_read() -> None:
    places = {0: ("0123456789ab", Position(5, 0, 1)), 3: ("00000000000a", Position(1_700_000_000_000, 2, 0))}
    assert Cursor.parse("YwABI0VniasFAAEDAAAAAAAKgNCV_7wxAgA") == Cursor(places)
    assert StreamCursor.parse("cwEjRWeJqwc") == StreamCursor("0123456789ab", 7)


@given(cursors)
def test_a_token_needs_no_escapes_in_a_url(cursor: Cursor) -> None:
    assert cursor.token().replace("-", "").replace("_", "").isalnum()


@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")))
def test_any_other_text_is_refused_as_a_cursor(token: str) -> None:
    try:
        cursor = Cursor.parse(token)
    except InvalidCursor:
        return
    assert Cursor.parse(cursor.token()) == cursor


@given(st.binary())
def test_any_other_bytes_are_refused_as_a_cursor(packed: bytes) -> None:
    for kind in (b"c", b"r"):
        token = urlsafe_b64encode(kind + packed).rstrip(b"=").decode()
        try:
            cursor = Cursor.parse(token)
        except InvalidCursor:
            continue
        assert Cursor.parse(cursor.token()) == cursor


@pytest.mark.parametrize("token", ["", "c", "Yw!", "Y w", "no cursor", "Ynl0ZXM", "é"])
def test_a_token_that_the_hub_did_not_issue_is_refused(token: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursor.parse(token)


@given(epochs, numbers)
def test_a_stream_cursor_is_not_a_cursor_of_partitions(epoch: str, sequence: int) -> None:
    with pytest.raises(InvalidCursor, match="kind of read"):
        Cursor.parse(StreamCursor(epoch, sequence).token())


@given(st.tuples(epochs, positions))
def test_a_truncated_token_is_refused_or_shorter(at: tuple[str, Position]) -> None:
    whole = Cursor({0: at, 1: at})
    for end in range(1, len(whole.token())):
        try:
            assert Cursor.parse(whole.token()[:end]) != whole
        except InvalidCursor:
            continue


@pytest.mark.parametrize("partition", [1 << 14, 1 << 40])
def test_a_partition_number_beyond_the_maximum_is_refused(partition: int) -> None:
    with pytest.raises(InvalidCursor, match="partitions that do not exist"):
        Cursor.parse(Cursor({partition: place(1)}).token())


def test_a_partition_that_is_named_twice_is_refused() -> None:
    packed = b"c" + 2 * (b"\x07" + bytes.fromhex(_EPOCH) + b"\x01\x00\x00")
    with pytest.raises(InvalidCursor, match="partitions that do not exist"):
        Cursor.parse(urlsafe_b64encode(packed).rstrip(b"=").decode())


def test_a_cursor_of_sixteen_partitions_stays_short() -> None:
    places = {p: (_EPOCH, Position(1_800_000_000_000, 3, 0)) for p in range(16)}
    assert len(Cursor(places).token()) < 340


class TestMerging:
    def test_merging_takes_the_furthest_position_of_each_partition(self) -> None:
        tokens = [
            Cursor({1: place(5), 2: place(5)}).token(),
            Cursor({1: place(9)}).token(),
            Cursor({2: place(3)}).token(),
        ]
        assert Cursor.merged(tokens).places == {1: place(9), 2: place(5)}

    def test_with_different_epochs_the_later_token_counts(self) -> None:
        tokens = [Cursor({1: place(9)}).token(), Cursor({1: place(3, epoch=_OTHER)}).token()]
        assert Cursor.merged(tokens).places == {1: place(3, epoch=_OTHER)}

    def test_the_furthest_position_keeps_its_serial(self) -> None:
        tokens = [Cursor({1: place(5), 2: place(5)}, {1: 7, 2: 7}).token(), Cursor({1: place(9)}).token()]
        assert Cursor.merged(tokens).removals == Cursor.merged(tokens[::-1]).removals == {2: 7}

    @pytest.mark.parametrize(("serials", "merged"), [((7, 4), {1: 4}), ((4, 7), {1: 4}), ((7, 0), {}), ((0, 7), {})])
    def test_at_equal_positions_the_lowest_serial_counts(
        self, serials: tuple[int, int], merged: dict[int, int]
    ) -> None:
        tokens = [Cursor({1: place(5)}, {1: serial}).token() for serial in serials]
        assert Cursor.merged(tokens).removals == merged

    @given(cursors, cursors)
    def test_tokens_joined_by_dots_merge_like_separate_tokens(self, first: Cursor, second: Cursor) -> None:
        tokens = [first.token(), second.token()]
        assert Cursor.merged([".".join(tokens)]) == Cursor.merged(tokens)

    @given(cursors)
    def test_a_cursor_merged_with_itself_is_itself(self, cursor: Cursor) -> None:
        assert Cursor.merged([cursor.token()] * 3) == cursor

    def test_one_invalid_token_invalidates_all(self) -> None:
        with pytest.raises(InvalidCursor):
            Cursor.merged([f"{Cursor({1: place(5)}).token()}."])


def test_positions_have_the_order_of_the_log() -> None:
    assert Position(1, 9, 9) < Position(2, 0, 0) < Position(2, 0, 1) < Position(2, 0, END_OF_APPEND) < Position(2, 1, 0)
