from __future__ import annotations

from random import Random

import pytest

from tests.benchmarks.against.intervals import CONFIDENCE, FEWEST_ROUNDS, Interval, Verdict, verdict


@pytest.mark.parametrize(
    ("rounds", "low", "high", "confidence"),
    # From tables of the sign test: of n tosses of a fair coin, fewer than k heads or fewer than k tails.
    [
        (6, 1, 6, 0.96875),
        (9, 2, 8, 0.9609375),
        (11, 2, 10, 0.98828125),
        (12, 3, 10, 0.96142578125),
        (20, 6, 15, 0.958610534668),
    ],
)
def test_the_bounds_are_the_narrowest_ranks_that_are_sure_enough(
    rounds: int, low: float, high: float, confidence: float
) -> None:
    interval = Interval.of([float(number) for number in range(1, rounds + 1)])
    assert (interval.low, interval.high) == (low, high)
    assert interval.confidence == pytest.approx(confidence)


def test_the_order_of_rounds_does_not_matter() -> None:
    values = [1.1, 0.9, 1.0, 1.3, 0.7, 1.2, 0.8]
    assert Interval.of(values) == Interval.of(sorted(values))
    assert Interval.of(values).median == 1.0


def test_one_round_that_went_wrong_moves_no_bound_beyond_its_neighbour() -> None:
    assert Interval.of([1.0] * 10 + [100.0]) == Interval.of([1.0] * 11)


@pytest.mark.parametrize("rounds", [FEWEST_ROUNDS, 11, 12])
def test_bounds_hold_the_true_median_of_skewed_noise_as_often_as_they_say(rounds: int) -> None:
    random = Random(1)
    intervals = [Interval.of([random.lognormvariate(0, 0.5) for _ in range(rounds)]) for _ in range(4_000)]
    held = sum(interval.low <= 1 <= interval.high for interval in intervals) / len(intervals)
    assert held == pytest.approx(intervals[0].confidence, abs=0.01)
    assert held >= CONFIDENCE


def test_too_few_rounds_give_no_interval() -> None:
    with pytest.raises(ValueError, match="5 rounds give no interval of 95%; take at least 6"):
        Interval.of([1.0] * (FEWEST_ROUNDS - 1))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.80, 0.94, Verdict.WORSE),
        (0.80, 0.95, Verdict.UNDECIDED),
        (0.94, 1.20, Verdict.UNDECIDED),
        (0.95, 0.97, Verdict.HELD),
        (1.10, 1.20, Verdict.HELD),
    ],
)
def test_a_figure_is_worse_only_if_its_whole_interval_is(low: float, high: float, expected: Verdict) -> None:
    assert verdict(Interval((low + high) / 2, low, high, 0.96), limit=0.95) is expected
