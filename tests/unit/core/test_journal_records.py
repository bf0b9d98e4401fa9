"""The bytes of records, which journals keep for years: these may never change."""

from __future__ import annotations

import pytest

from eventstore.adapters.journaled.changes import (
    ADOPTED,
    Append,
    Change,
    Checkpoint,
    Configure,
    Create,
    Define,
    Delete,
    EndGroup,
    Erased,
    LongText,
    Open,
    StartGroup,
    Trim,
    bodies_of,
)
from eventstore.adapters.journaled.record_bodies import RecordBodies
from eventstore.adapters.journaled.records import Record, decoded, encoded
from eventstore.adapters.journaled.references import Reference, References, place_of
from eventstore.positions import Epoch
from eventstore.streams import StreamName
from eventstore.subscriptions import SubscriptionKey

_WF, _KEY = StreamName("wf"), SubscriptionKey("d-1")
_ADOPTED = Reference(position=5, event=2, size=70, mark=b"mark")
_APPEND = Append(
    _WF,
    "",
    b"names",
    b"".join(size.to_bytes(4, "little") for size in (2, ADOPTED, 0, 3)),
    b"{}" + _ADOPTED.packed() + b"abc",
)
_HEAD = "01{:02x}3132333435363738" + "e803000000000000" + "0700000000000000"

CHANGES: list[tuple[Change, str]] = [
    (
        Append(_WF, "3", b"names", b"\2\0\0\0", b"{}"),
        ("0200000077660100000033050000006e616d65730400000002000000020000007b7d"),
    ),
    (Create(_WF, "{}", ""), "020000007766020000007b7d00000000"),
    (Configure(_WF, 4, "3.1", "", "{}"), ("020000007766010000003403000000332e3100000000020000007b7d")),
    (Delete(_WF, True, "[]", 9), ("0200000077660100000031020000005b5d0100000039")),
    (Trim(_WF, (b"1-5", b"k", b"70")), "02000000776603000000312d35010000006b020000003730"),
    (Open(Epoch("e1"), 16, 4, True), ("02000000653102000000313601000000340100000031")),
    (Define("durable", "n", "", "{}"), "0700000064757261626c65010000006e00000000020000007b7d00000000"),
    (EndGroup(_KEY), "03000000642d31"),
]


@pytest.mark.parametrize(("change", "fields"), CHANGES, ids=[type(change).__name__ for change, _ in CHANGES])
def test_a_record_has_the_bytes_that_it_always_had(change: Change, fields: str) -> None:
    record = Record(b"12345678", 1000, 7, change)
    assert encoded(record).hex() == _HEAD.format(change.KIND) + fields
    assert decoded(bytes.fromhex(_HEAD.format(change.KIND) + fields)) == record


@pytest.mark.parametrize("kind", [StartGroup, Checkpoint])
def test_states_of_groups_are_compressed(kind: type[StartGroup | Checkpoint]) -> None:
    state = LongText('{"place":[1,2,3]}' * 1000)
    change = StartGroup(_KEY, "{}", state) if kind is StartGroup else Checkpoint(_KEY, 12, "{}", state)
    record = Record(b"12345678", 1000, 7, change)
    assert len(encoded(record)) < 300
    assert decoded(encoded(record)) == record


def test_a_record_of_a_later_hub_may_have_more_fields() -> None:
    assert decoded(encoded(Record(b"12345678", 1, 2, EndGroup(_KEY))) + b"\3\0\0\0new").change == EndGroup(_KEY)


@pytest.mark.parametrize("cut", range(1, 40))
def test_what_is_cut_off_is_not_understood(cut: int) -> None:
    whole = encoded(Record(b"12345678", 1, 2, Create(_WF, "{}", "{}")))
    assert decoded(whole[:cut]).change is None


def test_what_was_erased_is_no_record_that_is_not_understood() -> None:
    assert decoded(None).change == Erased()


def test_a_record_that_is_not_understood_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="not understood"):
        encoded(decoded(b"foreign"))


def test_bodies_lie_one_after_the_other_and_an_adopted_one_is_a_reference() -> None:
    assert bodies_of(_APPEND) == [b"{}", _ADOPTED.packed(), b"", b"abc"]


class TestBodiesThatAreNotDecoded:
    def test_they_are_those_of_the_decoded_record(self) -> None:
        bodies = RecordBodies.of(encoded(Record(b"12345678", 1, 2, _APPEND)))
        assert bodies is not None
        assert bodies.mark == Record(b"12345678", 1, 2, _APPEND).mark
        assert bodies.between(0, (2,)) == b"{}"
        assert bodies.between(2, (0,)) == b""
        assert bodies.between(2, (0, 3)) == b"abc"

    @pytest.mark.parametrize(("first", "sizes"), [(0, (3,)), (0, (2, 16)), (3, (3, 1)), (4, (3,)), (9, (1,))])
    def test_a_record_has_no_bodies_of_other_sizes_than_its_own(self, first: int, sizes: tuple[int, ...]) -> None:
        bodies = RecordBodies.of(encoded(Record(b"12345678", 1, 2, _APPEND)))
        assert bodies is not None
        assert bodies.between(first, sizes) is None

    def test_a_record_of_a_later_hub_may_have_more_fields(self) -> None:
        bodies = RecordBodies.of(encoded(Record(b"12345678", 1, 2, _APPEND)) + b"\3\0\0\0new")
        assert bodies is not None
        assert bodies.between(2, (0, 3)) == b"abc"

    def test_a_record_has_none_that_is_cut_off_anywhere(self) -> None:
        whole = encoded(Record(b"12345678", 1, 2, _APPEND))
        assert [RecordBodies.of(whole[:cut]) for cut in range(len(whole))] == [None] * len(whole)

    @pytest.mark.parametrize("sizes", [b"\2\0\0\0", b"\2\0\0", b"\xff\0\0\0", b""])
    def test_a_record_has_none_if_its_sizes_are_not_those_of_its_bodies(self, sizes: bytes) -> None:
        assert RecordBodies.of(encoded(Record(b"12345678", 1, 2, Append(_WF, "", b"", sizes, b"abc")))) is None

    def test_a_record_that_appends_nothing_has_none(self) -> None:
        records = [Record(b"12345678", 1, 2, change) for change, _ in CHANGES if not isinstance(change, Append)]
        assert {RecordBodies.of(encoded(record)) for record in records} == {None}

    def test_a_record_of_another_version_has_none(self) -> None:
        assert RecordBodies.of(b"\2" + encoded(Record(b"12345678", 1, 2, _APPEND))[1:]) is None


def test_a_reference_has_the_bytes_that_it_always_had() -> None:
    reference = Reference(position=(1 << 48) - 1, event=999, size=262_144, mark=b"mark")
    assert reference.packed().hex() == "ffffffffffff03e7000400006d61726b"
    references = References.unpacked([reference.packed(), reference.packed() * 2])
    assert [place_of(place) for place in references.places] == [((1 << 48) - 1, 999)] * 3
    assert references.positions() == [(1 << 48) - 1] * 3
    assert references.sizes == (262_144,) * 3
    assert references.marks == (b"mark",) * 3
    assert References.unpacked([]) == ((), (), ())
