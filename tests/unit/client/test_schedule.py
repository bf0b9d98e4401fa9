from __future__ import annotations

import threading
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore_client.cli.schedule import Batch, Schedule, Stopped
from eventstore_client.cli.sources import Item


def item(stream: str, number: int, *, size: int = 10) -> Item:
    return Item(str(number), stream, f"{stream}:{number}", size)


def take_batch(schedule: Schedule) -> Batch:
    batch = schedule.take()
    assert batch is not None
    return batch


def numbers(batch: Batch) -> list[int]:
    return [int(item.text) for item in batch.items]


def test_the_events_of_a_stream_are_taken_in_order() -> None:
    schedule = Schedule(batch_events=3)
    for number in range(5):
        schedule.put(item("a", number))

    first = take_batch(schedule)
    schedule.done(first)

    assert (numbers(first), numbers(take_batch(schedule))) == ([0, 1, 2], [3, 4])


def test_a_stream_in_use_is_not_taken_by_another_publisher() -> None:
    schedule = Schedule(batch_events=1)
    for stream in ("a", "a", "b"):
        schedule.put(item(stream, 1))

    assert [take_batch(schedule).stream, take_batch(schedule).stream] == ["a", "b"]


def test_a_batch_stays_below_its_bytes() -> None:
    schedule = Schedule(batch_bytes=100)
    for number in range(4):
        schedule.put(item("a", number, size=40))

    assert numbers(take_batch(schedule)) == [0, 1]


def test_an_event_larger_than_a_batch_goes_alone() -> None:
    schedule = Schedule(batch_bytes=100)
    schedule.put(item("a", 1, size=500))
    schedule.put(item("a", 2))

    assert numbers(take_batch(schedule)) == [1]


def test_a_schedule_ends_when_it_is_finished_and_empty() -> None:
    schedule = Schedule()
    schedule.put(item("a", 1))
    schedule.finish()

    schedule.done(take_batch(schedule))

    assert schedule.take() is None


def test_the_rest_of_a_taken_stream_is_available_once_it_is_returned() -> None:
    schedule = Schedule(batch_events=1)
    schedule.put(item("a", 1))
    schedule.put(item("a", 2))
    schedule.finish()
    first = take_batch(schedule)
    got: list[Batch | None] = []
    waiting = threading.Thread(target=lambda: got.append(schedule.take()))
    waiting.start()

    schedule.done(first)
    waiting.join(10)

    assert [numbers(batch) for batch in got if batch] == [[2]]


def test_a_producer_waits_for_room() -> None:
    schedule = Schedule(held_bytes=20)
    schedule.put(item("a", 1))
    schedule.put(item("b", 1))
    through = threading.Event()

    def put() -> None:
        schedule.put(item("c", 1))
        through.set()

    putting = threading.Thread(target=put)
    putting.start()
    held = not through.wait(0.05)

    schedule.take()
    putting.join(10)

    assert (held, through.is_set()) == (True, True)


def test_a_stop_ends_all_waiting() -> None:
    schedule = Schedule(held_bytes=1)
    schedule.put(item("a", 1))
    schedule.stop()

    with pytest.raises(Stopped):
        schedule.put(item("a", 2))
    with pytest.raises(Stopped):
        schedule.pause(60)
    assert schedule.take() is None


@given(st.lists(st.sampled_from("abc")), st.integers(1, 5), st.lists(st.booleans(), min_size=1))
def test_every_event_is_taken_once_and_in_order(streams: list[str], batch_events: int, takes: list[bool]) -> None:
    schedule = Schedule(batch_events=batch_events)
    left: dict[str, list[int]] = {}
    for number, stream in enumerate(streams):
        schedule.put(item(stream, number))
        left.setdefault(stream, []).append(number)
    schedule.finish()
    held: list[Batch] = []
    for take in cycle(takes):
        free = {stream for stream, numbers in left.items() if numbers} - {batch.stream for batch in held}
        if free and (take or not held):
            batch = take_batch(schedule)
            assert batch.stream in free
            assert numbers(batch) == left[batch.stream][:batch_events]
            left[batch.stream] = left[batch.stream][batch_events:]
            held.append(batch)
        elif held:
            schedule.done(held.pop(0))
        else:
            break

    assert not any(left.values())
    assert schedule.take() is None
