"""How many events a turn takes when many subscriptions may match them, or much data is to be sent."""

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
    """Positions of events that were appended in batches of the given sizes."""
    return [Position(7, order, index) for order, count in enumerate(appends) for index in range(count)]


def subscriptions(count: int) -> list[Subscription]:
    return [Subscription(str(number), f"c{number}", "s", parse_filters([])) for number in range(count)]


def matched(most: int, *, keys: int = 10, appends: tuple[int, ...] = (2, 2, 2)) -> int:
    """How many events can be matched when the same subscriptions are candidates for every event."""
    at = {"*": list(range(sum(appends)))}
    return affordable_to_match(places(*appends), at, {"*": ["k"] * keys}, most=most)


class TestMatching:
    def test_events_with_few_candidates_are_all_taken(self) -> None:
        assert matched(10 * (6 + 25)) == 6

    def test_a_turn_over_budget_ends_after_an_append(self) -> None:
        assert [matched(10 * (count + 25)) for count in (5, 4, 3, 2)] == [4, 4, 2, 2]

    def test_a_turn_takes_at_least_one_append(self) -> None:
        assert (matched(1), matched(1, appends=(6,))) == (2, 6)

    def test_a_candidate_subscription_counts_once_for_all_its_events(self) -> None:
        at = {"a": [0, 1], "b": [2]}
        keys_by_term = {"a": ["k"] * 10, "b": ["k"] * 10}
        assert affordable_to_match(places(1, 1, 1), at, keys_by_term, most=10 * (2 + 25)) == 2


class TestSending:
    def test_a_turn_within_budget_sends_every_event(self) -> None:
        groups: RecipientsByEvents = {((0, 1, 2), False): subscriptions(2)}
        assert affordable_to_send(places(1, 1, 1), [100] * 3, groups, LIMITS, most=600) == 3

    def test_each_shard_and_part_counts_a_copy_of_the_events(self) -> None:
        groups: RecipientsByEvents = {((0, 1), False): subscriptions(9)}
        # Two shards, and two further parts of four addresses.
        assert affordable_to_send(places(1, 1), [100] * 2, groups, LIMITS, most=400) == 1
        assert affordable_to_send(places(1, 1), [100] * 2, groups, LIMITS, most=800) == 2

    def test_bare_events_have_as_many_copies_as_their_posts_need(self) -> None:
        groups: RecipientsByEvents = {((0, 1, 2), True): subscriptions(9)}
        # Two posts for each client and event at most: six posts are two clients.
        assert affordable_to_send(places(1, 1, 1), [100] * 3, groups, LIMITS, most=3 * 600 - 1) == 2
        assert affordable_to_send(places(1, 1, 1), [100] * 3, groups, LIMITS, most=3 * 600) == 3

    def test_a_large_event_counts_more(self) -> None:
        groups: RecipientsByEvents = {((0, 1, 2), False): subscriptions(1)}
        assert affordable_to_send(places(1, 1, 1), [100, 1000, 100], groups, LIMITS, most=900) == 1

    def test_an_event_without_recipients_costs_nothing(self) -> None:
        groups: RecipientsByEvents = {((0,), False): subscriptions(1)}
        assert affordable_to_send(places(1, 1), [100, 10_000], groups, LIMITS, most=100) == 2


def test_recipients_of_the_same_remaining_events_are_grouped() -> None:
    first, second, third = subscriptions(3)
    groups: RecipientsByEvents = {((0, 2), False): [first], ((0, 3), False): [second], ((3,), False): [third]}
    assert leading(groups, 2) == {((0,), False): [first, second]}


@given(
    appends=st.lists(st.integers(1, 3), min_size=1, max_size=4),
    wanted=st.lists(st.tuples(st.sets(st.integers(0, 11)), st.booleans(), st.booleans()), max_size=12),
    most=st.integers(1, 3000),
)
def test_a_retry_with_fewer_subscriptions_takes_at_least_as_many_events(
    appends: list[int], wanted: list[tuple[set[int], bool, bool]], most: int
) -> None:
    where = places(*appends)

    def reached(*, later: bool) -> tuple[int, int]:
        groups: RecipientsByEvents = {}
        keys_by_term: dict[str, list[str]] = {}
        at = {str(index): [index] for index in range(len(where))}
        everyone = zip(wanted, subscriptions(len(wanted)), strict=True)
        for (indexes, bare, ends), wanted_by in everyone:
            kept = tuple(sorted(index for index in indexes if index < len(where)))
            if kept and not (later and ends):
                groups.setdefault((kept, bare), []).append(wanted_by)
                for index in kept:
                    keys_by_term.setdefault(str(index), []).append(wanted_by.key)
        sizes = [50 + 10 * index for index in range(len(where))]
        return (
            affordable_to_match(where, at, keys_by_term, most=most),
            affordable_to_send(where, sizes, groups, LIMITS, most=most),
        )

    first, second = reached(later=False), reached(later=True)
    assert second >= first
    assert second[1] >= first[1]
