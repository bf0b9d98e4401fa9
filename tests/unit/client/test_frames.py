from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eventstore_client.frames import Arrival, Cursors, Numbers
from eventstore_client.messages import Frame, Subscribed


def frame(number: int, *, partition: int = 7) -> Frame:
    return Frame(partition=partition, number=number, cursor=f"{partition}-{number}")


def arrivals(*numbers: int) -> list[Arrival]:
    seen = Numbers()
    return [seen.arrived(frame(number)) for number in numbers]


def test_frames_in_their_order_are_handled() -> None:
    assert arrivals(1, 2, 3) == [Arrival.NEXT, Arrival.NEXT, Arrival.NEXT]


def test_a_repeated_frame_is_dropped_however_late() -> None:
    assert arrivals(1, 1, 2, 1, 3)[1::2] == [Arrival.REPEATED, Arrival.REPEATED]


def test_a_number_left_out_is_a_hole() -> None:
    assert arrivals(1, 3)[-1] is Arrival.HOLE


def test_the_first_frame_lost_is_a_hole_too() -> None:
    assert arrivals(2) == [Arrival.HOLE]


def test_a_hole_does_not_advance_the_frame_number() -> None:
    assert arrivals(1, 3, 4, 2)[1:] == [Arrival.HOLE, Arrival.HOLE, Arrival.NEXT]


def test_each_partition_counts_by_itself() -> None:
    numbers = Numbers()
    numbers.arrived(frame(1, partition=7))

    assert numbers.arrived(frame(1, partition=9)) is Arrival.NEXT


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 12))))
def test_each_frame_number_is_handled_once_without_a_gap(sent: list[tuple[int, int]]) -> None:
    numbers = Numbers()

    handled = [(p, n) for p, n in sent if numbers.arrived(frame(n, partition=p)) is Arrival.NEXT]

    for partition in range(4):
        of_it = [n for p, n in handled if p == partition]
        assert of_it == [*range(1, len(of_it) + 1)]


def test_there_is_nothing_to_resume_from_at_first() -> None:
    assert list(Cursors().all()) == []


def test_the_state_has_the_cursor_of_subscribed_and_the_newest_of_each_partition() -> None:
    cursors = Cursors()
    for handled in (Subscribed("all"), frame(1), frame(1, partition=9), frame(2)):
        cursors = cursors.behind(handled)

    assert set(cursors.all()) == {"all", "7-2", "9-1"}


def test_subscribing_again_resets_the_state_of_all_partitions() -> None:
    cursors = Cursors("old").behind(frame(4)).behind(Subscribed("new"))

    assert list(cursors.all()) == ["new"]


def test_the_state_is_a_string_that_the_hub_accepts_as_a_cursor() -> None:
    assert str(Cursors("all").behind(frame(3))) == "all.7-3"
