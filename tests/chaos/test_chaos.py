"""The simulation of the whole hub with all faults, at a small scale; `make soak` runs it at full size."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.chaos.figures import _BEGIN, _END, Figures, write
from tests.chaos.mutants import MUTANTS, caught
from tests.chaos.stores import run_alone

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.mutants import Mutant

STEPS = int(os.environ.get("CHAOS_STEPS", "1500"))


def test_no_rule_is_broken_under_faults() -> None:
    # The same in every run; random seeds belong to the soak and to the nightly run.
    seed = int(os.environ.get("CHAOS_SEED", "1"))
    outcome = run_alone(seed, steps=STEPS)
    assert not outcome.rule, "\n".join(
        [*outcome.trace, f"CHAOS_SEED={seed}, step {outcome.step}: {outcome.rule}: {outcome.detail}"]
    )


def test_the_same_seed_is_the_same_run() -> None:
    first, second = (run_alone(7, steps=120) for _ in range(2))
    assert (first.step, first.digest) == (second.step, second.digest)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_fault_can_be_reintroduced(mutant: Mutant) -> None:
    with mutant.at_work():
        assert mutant.scripts or mutant.patches


@pytest.mark.parametrize("name", ["full_cache_cold"])
def test_a_reintroduced_fault_is_caught(name: str) -> None:
    [mutant] = [one for one in MUTANTS if one.name == name]
    assert caught(mutant, seeds=10, length=700) is not None


def test_figures_are_written_between_their_markers(tmp_path: Path) -> None:
    page = tmp_path / "guarantees.md"
    page.write_text(f"before\n{_BEGIN}\nold\n{_END}\nafter\n")
    figures = Figures()
    figures.operations["publish one"] = 1200
    write(figures, page=page)
    assert "| publish one | 1,200 |" in page.read_text()
    assert "old" not in page.read_text()
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("\nafter\n")


def test_operations_that_ran_too_rarely_are_reported() -> None:
    figures = Figures()
    figures.operations["publish one"] = 60
    assert "publish one" not in figures.rare()
    assert "replay" in figures.rare()
