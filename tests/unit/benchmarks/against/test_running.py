from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.against.drivers import Drivers
from tests.benchmarks.against.running import prepared
from tests.benchmarks.against.side import SideError
from tests.benchmarks.against.trees import Tree
from tests.fakes.trees import plant, text, worker

if TYPE_CHECKING:
    from pathlib import Path

_ON_A_HARNESS = """\
import json
import tests.benchmarks.harness
print(json.dumps({"tasks": [], "files": []}), flush=True)
"""
_NEEDS_WHAT_IS_NEW = "import eventstore.added\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    root = plant(tmp_path / "own")
    text(root, _ON_A_HARNESS)
    (root / "tests" / "benchmarks" / "harness.py").touch()
    return root


@pytest.fixture
def other(tmp_path: Path) -> Tree:
    root = plant(tmp_path / "other")
    (root / "tests" / "benchmarks" / "against" / "worker.py").unlink()
    return Tree.at(root, environment=tmp_path / "environment", commit="abc")


def test_this_trees_benchmarks_measure_both_where_they_run(own: Path, other: Tree) -> None:
    assert prepared("subject", other, source=own) is Drivers.SHARED


def test_the_others_own_harness_is_used_where_this_trees_does_not_run_there(own: Path, other: Tree) -> None:
    (own / "tests" / "benchmarks" / "harness.py").write_text(_NEEDS_WHAT_IS_NEW)
    (other.root / "tests" / "benchmarks" / "harness.py").touch()
    assert prepared("subject", other, source=own) is Drivers.WORKLOADS


def test_the_others_own_benchmarks_are_used_where_nothing_else_runs(own: Path, other: Tree) -> None:
    (own / "tests" / "benchmarks" / "harness.py").write_text(_NEEDS_WHAT_IS_NEW)
    worker(other.root, {"a task": 1.0})
    assert prepared("subject", other, source=own) is Drivers.OWN


def test_a_commit_on_which_nothing_runs_is_reported_with_every_reason(own: Path, other: Tree) -> None:
    (own / "tests" / "benchmarks" / "harness.py").write_text(_NEEDS_WHAT_IS_NEW)
    with pytest.raises(SideError, match=r"(?s)eventstore\.added.*own harness: .*tests\.benchmarks\.harness"):
        prepared("subject", other, source=own)
