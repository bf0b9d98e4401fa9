from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.against.comparing import Comparison, compare, pairs
from tests.benchmarks.against.intervals import Verdict
from tests.benchmarks.against.side import Described, SideError
from tests.benchmarks.against.trees import ForeignCodeError, Tree
from tests.fakes.trees import plant, text, worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TASK = Described("a task", "ms", 1, 2)


@pytest.fixture
def other(tmp_path: Path) -> Tree:
    return Tree.at(plant(tmp_path / "other"), environment=tmp_path / "other-environment", commit="a")


@pytest.fixture
def own(tmp_path: Path) -> Tree:
    return Tree.at(plant(tmp_path / "own"), environment=tmp_path / "own-environment", commit="b")


@pytest.mark.parametrize(("number", "order"), [(0, "abbaab"), (1, "baabba")])
def test_sides_take_turns_in_going_first_within_a_round_and_between_rounds(number: int, order: str) -> None:
    ran: list[str] = []

    def block(name: str, cost: float) -> Callable[[], float]:
        def run() -> float:
            ran.append(name)
            return cost

        return run

    assert list(pairs(block("a", 1.0), block("b", 2.0), 3, number)) == [(1.0, 2.0)] * 3
    assert "".join(ran) == order


def test_a_machine_that_slows_down_changes_no_ratio() -> None:
    comparison = Comparison(_TASK)
    comparison.add([(1.0, 1.0), (2.0, 2.0), (40.0, 40.0)])
    assert comparison.ratios == [1.0]


def test_a_ratio_says_how_many_times_as_fast_this_tree_is(other: Tree, own: Tree) -> None:
    worker(other.root, {"a task": 0.010, "another": 1.0})
    worker(own.root, {"a task": 0.020, "another": 0.5})
    slower, faster = compare("subject", other=other, own=own, rounds=6)
    assert (slower.interval.median, slower.verdict) == (0.5, Verdict.WORSE)
    assert (faster.interval.median, faster.verdict) == (2.0, Verdict.HELD)
    assert slower.task.shown(slower.own[0]) == "20.00 ms"


def test_subjects_of_only_one_tree_are_not_compared(other: Tree, own: Tree) -> None:
    worker(other.root, {"both": 1.0, "only there": 1.0})
    worker(own.root, {"only here": 1.0, "both": 1.0})
    assert [comparison.task.what for comparison in compare("subject", other=other, own=own, rounds=6)] == ["both"]


def test_both_trees_start_new_processes_in_every_round(other: Tree, own: Tree) -> None:
    # Each process counts its blocks from 1: the first pair, then the second.
    program = """\
import json, eventstore, eventstore_client, eventstore_dev, functions, sys
print(json.dumps({"tasks": [{"what": "a task", "unit": "ms", "amount": 1, "pairs": 2}], "files": []}), flush=True)
for number, _ in enumerate(sys.stdin, 1):
    print(number, flush=True)
"""
    for tree in (other, own):
        text(tree.root, program)
    [comparison] = compare("subject", other=other, own=own, rounds=6)
    assert comparison.own == comparison.other == [1.5] * 6


def test_a_process_that_fails_reports_the_reason(other: Tree, own: Tree) -> None:
    text(other.root, "raise SystemExit('no such port')")
    with pytest.raises(SideError, match="no such port"):
        compare("subject", other=other, own=own, rounds=6)


def test_a_process_that_fails_in_a_block_reports_the_reason(other: Tree, own: Tree) -> None:
    worker(other.root, {"a task": 1.0})
    worker(own.root, {"a task": 1.0})
    path = own.root / "tests" / "benchmarks" / "against" / "worker.py"
    path.write_text(path.read_text().replace("int(line)", "sys.exit('lost')"))
    with pytest.raises(SideError, match="lost"):
        compare("subject", other=other, own=own, rounds=6)


def test_a_process_with_the_code_of_another_tree_is_not_measured(other: Tree, own: Tree) -> None:
    worker(other.root, {"a task": 1.0})
    worker(own.root, {"a task": 1.0})
    path = own.root / "tests" / "benchmarks" / "against" / "worker.py"
    path.write_text(f"import sys; sys.path.insert(0, {str(other.root)!r})\n{path.read_text()}")
    with pytest.raises(ForeignCodeError, match="other/functions"):
        compare("subject", other=other, own=own, rounds=6)
