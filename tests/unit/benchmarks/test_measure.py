from __future__ import annotations

from itertools import accumulate, chain, repeat
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.measure import Aim, Figure, Rounds, Unit, in_turn

if TYPE_CHECKING:
    from collections.abc import Callable


def nothing() -> None:
    """A block that takes as long as the clock says."""


def ticking(*seconds: float) -> Callable[[], float]:
    # Two readings time a block; no time passes between blocks.
    return accumulate(chain.from_iterable(zip(repeat(0.0), seconds, strict=False))).__next__


def test_the_first_round_warms_up_and_does_not_count() -> None:
    rounds = in_turn(lambda _: (nothing, nothing), rounds=1, clock=ticking(90, 80, 1, 2))
    assert (rounds.ours, rounds.theirs) == ((1,), (2,))


def test_sides_take_turns_in_going_first() -> None:
    order: list[str] = []
    in_turn(lambda n: (lambda: order.append(f"our {n}"), lambda: order.append(f"their {n}")), rounds=2)
    assert order == ["their 0", "our 0", "our 1", "their 1", "their 2", "our 2"]


def test_times_belong_to_their_side_whichever_goes_first() -> None:
    rounds = in_turn(lambda _: (nothing, nothing), rounds=2, clock=ticking(9, 9, 1, 2, 4, 3))
    assert rounds == Rounds(ours=(1, 3), theirs=(2, 4))


def test_preparation_is_not_timed() -> None:
    now = 0.0

    def prepare(_: int) -> tuple[Callable[[], None], Callable[[], None]]:
        nonlocal now
        now += 100
        return nothing, nothing

    assert in_turn(prepare, rounds=3, clock=lambda: now).ours == (0, 0, 0)


def test_a_failing_block_ends_the_measurement() -> None:
    def broken() -> None:
        raise RuntimeError("away")

    with pytest.raises(RuntimeError, match="away"):
        in_turn(lambda _: (broken, nothing), rounds=1)


def test_speed_is_the_median_of_rounds_and_not_the_ratio_of_sums() -> None:
    assert Rounds(ours=(1, 1, 1), theirs=(2, 3, 400)).speed == 3


def test_cost_inverts_the_ratio() -> None:
    assert Rounds(ours=(4, 5, 6), theirs=(4, 4, 4)).cost == 1.25


def test_the_surplus_is_the_additional_time_of_our_side() -> None:
    assert Rounds(ours=(3, 4, 90), theirs=(1, 1, 1)).surplus == 3


@pytest.mark.parametrize(("sign", "held"), [("≥", True), ("≤", True), ("<", False)])
def test_a_value_at_its_limit_holds_unless_it_must_be_less(sign: str, held: bool) -> None:  # noqa: FBT001 - a case
    assert Aim(sign, 1.5).holds(1.5) is held


def test_an_aim_of_an_unknown_sign_is_refused() -> None:
    with pytest.raises(ValueError, match="one of ≥ ≤ <"):
        Aim("=", 1)


def test_a_figure_is_judged_before_it_is_rounded() -> None:
    figure = Figure("an append", 0.699, Unit.RATIO, Aim("≥", 0.7))
    assert (figure.text, figure.missed) == ("0.70 \N{MULTIPLICATION SIGN}", True)


def test_a_figure_without_an_aim_misses_nothing() -> None:
    assert not Figure("an append", 0.1, Unit.RATIO).missed
