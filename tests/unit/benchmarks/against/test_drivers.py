from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.against.drivers import Drivers, install
from tests.fakes.trees import plant

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return with_benchmarks(plant(tmp_path / "source"), "new", "partition.py", "added.py", "against/worker.py")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return with_benchmarks(plant(tmp_path / "target"), "old", "partition.py", "gone.py", "against/worker.py")


def with_benchmarks(root: Path, text: str, *names: str) -> Path:
    for name in names:
        (root / "tests" / "benchmarks" / name).write_text(text)
    return root


def contents(root: Path) -> dict[str, str]:
    folder = root / "tests" / "benchmarks"
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.py")}


def test_shared_benchmarks_are_all_of_this_trees(source: Path, target: Path, tmp_path: Path) -> None:
    assert install(Drivers.SHARED, source=source, target=target, original=tmp_path / "original")
    assert contents(target) == {
        "partition.py": "new",
        "added.py": "new",
        "gone.py": "old",
        "against/worker.py": "new",
    }


def test_workloads_of_this_tree_run_on_the_others_own_harness(source: Path, target: Path, tmp_path: Path) -> None:
    install(Drivers.SHARED, source=source, target=target, original=tmp_path / "original")
    assert install(Drivers.WORKLOADS, source=source, target=target, original=tmp_path / "original")
    assert contents(target) == {"partition.py": "old", "gone.py": "old", "against/worker.py": "new"}


def test_the_others_own_benchmarks_are_as_they_came(source: Path, target: Path, tmp_path: Path) -> None:
    before = contents(target)
    install(Drivers.SHARED, source=source, target=target, original=tmp_path / "original")
    assert install(Drivers.OWN, source=source, target=target, original=tmp_path / "original")
    assert contents(target) == before


def test_a_commit_that_cannot_be_measured_by_itself_has_none_of_its_own(
    source: Path, target: Path, tmp_path: Path
) -> None:
    (target / "tests" / "benchmarks" / "against" / "worker.py").unlink()
    install(Drivers.SHARED, source=source, target=target, original=tmp_path / "original")
    assert not install(Drivers.OWN, source=source, target=target, original=tmp_path / "original")


def test_benchmarks_of_this_tree_are_left_alone(source: Path, target: Path, tmp_path: Path) -> None:
    before = contents(source)
    for drivers in Drivers:
        install(drivers, source=source, target=target, original=tmp_path / "original")
    assert contents(source) == before
