"""The processes that `make bench AGAINST=` starts for a commit, here with this commit on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.against.drivers import Drivers, install
from tests.benchmarks.against.side import Side
from tests.benchmarks.against.trees import ROOT, checked_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.benchmarks.against.trees import Tree

# Each process that imports the package records whether it is a function; not in the tree, which the local stack
# watches for changes.
_LEAVES_WORD = """
import os, pathlib
with (pathlib.Path(__file__).parents[4] / "imported").open("a") as file:
    file.write(os.environ.get("_HANDLER", "no function") + "\\n")
"""


@pytest.fixture
def trees(tmp_path: Path) -> Iterator[tuple[Tree, Tree]]:
    with checked_out("HEAD") as (other, own):
        install(Drivers.SHARED, source=ROOT, target=other.root, original=tmp_path / "original")
        yield other, own


def test_the_functions_of_the_local_stack_are_those_of_the_other_commit(trees: tuple[Tree, Tree]) -> None:
    other, _ = trees
    package = other.root / "layers" / "eventstore" / "eventstore"
    with (package / "__init__.py").open("a") as file:
        file.write(_LEAVES_WORD)
    with Side.started(other, "latency") as side:
        side.await_ready(other)
        [what] = side.tasks
        assert side.run(what) > 0
    imported = set((other.root.parent / "imported").read_text().splitlines())
    assert imported >= {
        "no function",
        "functions.rest.app.handler",
        "functions.websocket.app.handler",
        "functions.dispatch.app.handler",
        "functions.deliver.app.handler",
    }


@pytest.mark.parametrize("subject", ["appending", "reading", "dispatch", "durable"])
def test_both_trees_measure_the_same(trees: tuple[Tree, Tree], subject: str) -> None:
    tasks = []
    for tree in trees:
        with Side.started(tree, subject) as side:
            side.await_ready(tree)
            tasks.append(side.tasks)
            assert all(side.run(what) > 0 for what in side.tasks)
    assert tasks[0] == tasks[1] != {}
