"""How the entries of a stream hold events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eventstore.adapters.redis.entries import REACH, entries_of, recorded

bodies = st.lists(st.binary(min_size=2, max_size=60) | st.integers(5000, 9000).map(bytes), min_size=1, max_size=30)


def stored(given_bodies: list[bytes], *, before: int = 0, time: int = 7) -> list[list[object]]:
    """The entries that append.lua stores for published events."""
    parts = entries_of(given_bodies)
    parts = [b"", *parts] if len(parts) == 1 else parts
    entries: list[list[object]] = []
    last = before
    for lengths, value in zip(*[iter(parts)] * 2, strict=True):
        last += len(lengths) // 4 + 1
        entries.append([f"{last}-{time}".encode(), [lengths, value]])
    return entries


@given(bodies)
def test_every_event_is_read_back_at_its_sequence(published: list[bytes]) -> None:
    events = recorded("wf", stored(published, before=41), low=0, high=1 << 62)
    assert [(e.stream, e.sequence, e.time, e.body) for e in events] == [
        ("wf", sequence, 7, body) for sequence, body in enumerate(published, 42)
    ]


@given(bodies, st.integers(1, 30), st.integers(1, 30))
def test_a_window_contains_the_events_within_it(published: list[bytes], low: int, high: int) -> None:
    events = recorded("wf", stored(published), low=low, high=high)
    assert [e.sequence for e in events] == list(range(low, min(high, len(published)) + 1))


@given(bodies, st.integers(1, 30), st.integers(1, 30))
def test_reading_backwards_reverses_the_events(published: list[bytes], low: int, high: int) -> None:
    entries = stored(published)
    events = recorded("wf", entries[::-1], low=low, high=high, backwards=True)
    assert events == recorded("wf", entries, low=low, high=high)[::-1]


@given(bodies)
def test_an_entry_reaches_no_further_than_a_reader_looks(published: list[bytes]) -> None:
    assert all(len(lengths) <= 4 * REACH for _, (lengths, _) in stored(published))  # type: ignore[misc, arg-type]


@given(bodies)
def test_a_large_event_has_its_own_entry(published: list[bytes]) -> None:
    for _, (lengths, value) in stored(published):  # type: ignore[misc]
        assert not lengths or len(value) <= 16 * 1024
