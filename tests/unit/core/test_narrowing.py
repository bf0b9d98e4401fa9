"""How far a turn goes if very many may want its events, or very much is to be sent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eventstore.filters import parse_filters
from eventstore.frames.budget import RecipientsByEvents, affordable_to_match, affordable_to_send, leading
from eventstore.frames.builder import FrameLimits
from eventstore.positions import Position
from eventstore.subscriptions import Subscription

LIMITS = FrameLimits(events=3, addresses=4, posts=6, shards=2)


def places(*appends: int) -> list[Position]:
    """Of events that were appended so many at a time."""
    return [Position(7, order, index) for order, count in enumerate(appends) for index in range(count)]


def subscriptions(count: int) -> list[Subscription]:
    return [Subscription(str(number), f"c{number}", "s", parse_filters([])) for number in range(count)]


def matched(most: int, *, keys: int = 10, appends: tuple[int, ...] = (2, 2, 2)) -> int:
    """By the subscriptions that are found for all events."""
    at = {"*": list(range(sum(appends)))}
    return affordable_to_match(places(*appends), at, {"*": ["k"] * keys}, most=most)


class TestMatching:
    def test_what_few_want_is_carried_whole(self) -> None:
        assert matched(10 * (6 + 25)) == 6

    def test_more_than_that_ends_behind_an_append(self) -> None:
        assert [matched(10 * (count + 25)) for count in (5, 4, 3, 2)] == [4, 4, 2, 2]

    def test_one_append_is_carried_in_any_case(self) -> None:
        assert (matched(1), matched(1, appends=(6,))) == (2, 6)

    def test_subscriptions_count_once_whatever_the_events(self) -> None:
        at = {"a": [0, 1], "b": [2]}
        found = {"a": ["k"] * 10, "b": ["k"] * 10}
        assert affordable_to_match(places(1, 1, 1), at, found, most=10 * (2 + 25)) == 2


class TestSending:
    def test_little_is_carried_whole(self) -> None:
        groups: RecipientsByEvents = {((0, 1, 2), False): subscriptions(2)}
        assert affordable_to_send(places(1, 1, 1), [100] * 3, groups, LIMITS, most=600) == 3

    def test_every_shard_and_every_part_has_a_copy(self) -> None:
        groups: RecipientsByEvents = {((0, 1), False): subscriptions(9)}
        # Two shards, and two parts more of four addresses.
        assert affordable_to_send(places(1, 1), [100] * 2, groups, LIMITS, most=400) == 1
        assert affordable_to_send(places(1, 1), [100] * 2, groups, LIMITS, most=800) == 2

    def test_bare_events_have_as_many_copies_as_their_posts_need(self) -> None:
        groups: RecipientsByEvents = {((0, 1, 2), True): subscriptions(9)}
        # Two posts a client and event at most: six posts are two clients.
        assert affordable_to_send(places(1, 1, 1), [100] * 3, groups, LIMITS, most=3 * 600 - 1) == 2
        assert affordable_to_send(places(1, 1, 1), [100] * 3, groups, LIMITS, most=3 * 600) == 3

    def test_an_event_that_is_large_counts_for_more(self) -> None:
        groups: RecipientsByEvents = {((0, 1, 2), False): subscriptions(1)}
        assert affordable_to_send(places(1, 1, 1), [100, 1000, 100], groups, LIMITS, most=900) == 1

    def test_what_nobody_gets_costs_nothing(self) -> None:
        groups: RecipientsByEvents = {((0,), False): subscriptions(1)}
        assert affordable_to_send(places(1, 1), [100, 10_000], groups, LIMITS, most=100) == 2


def test_who_gets_the_same_of_what_is_left_shares_it() -> None:
    one, two, three = subscriptions(3)
    groups: RecipientsByEvents = {((0, 2), False): [one], ((0, 3), False): [two], ((3,), False): [three]}
    assert leading(groups, 2) == {((0,), False): [one, two]}


@given(
    appends=st.lists(st.integers(1, 3), min_size=1, max_size=4),
    wanted=st.lists(st.tuples(st.sets(st.integers(0, 11)), st.booleans(), st.booleans()), max_size=12),
    most=st.integers(1, 3000),
)
def test_a_try_that_finds_fewer_subscriptions_goes_no_less_far(
    appends: list[int], wanted: list[tuple[set[int], bool, bool]], most: int
) -> None:
    where = places(*appends)

    def reached(*, later: bool) -> tuple[int, int]:
        groups: RecipientsByEvents = {}
        found: dict[str, list[str]] = {}
        at = {str(index): [index] for index in range(len(where))}
        everyone = zip(wanted, subscriptions(len(wanted)), strict=True)
        for (indexes, bare, ends), one in everyone:
            kept = tuple(sorted(index for index in indexes if index < len(where)))
            if kept and not (later and ends):
                groups.setdefault((kept, bare), []).append(one)
                for index in kept:
                    found.setdefault(str(index), []).append(one.key)
        sizes = [50 + 10 * index for index in range(len(where))]
        return (
            affordable_to_match(where, at, found, most=most),
            affordable_to_send(where, sizes, groups, LIMITS, most=most),
        )

    first, second = reached(later=False), reached(later=True)
    assert second >= first
    assert second[1] >= first[1]
