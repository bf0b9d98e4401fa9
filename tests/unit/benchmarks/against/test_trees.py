from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.benchmarks.against.trees import ROOT, CheckoutError, ForeignCodeError, Tree, checked_out
from tests.fakes.trees import commit, plant

_IN_A_GRANDCHILD = """
import subprocess, sys
asked = "import eventstore; print(eventstore.__file__)"
program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {asked!r}])"
subprocess.run([sys.executable, "-c", program])
"""
_HELD_OPEN = """
import signal, sys
from pathlib import Path
from tests.benchmarks.against.trees import checked_out
with checked_out("HEAD", repository=Path(sys.argv[1])) as (other, _):
    print(other.root, flush=True)
    signal.pause()
"""


def tree(root: Path) -> Tree:
    return Tree.at(root, environment=root.parent / f"{root.name}-environment", commit="0000000")


def output(of: Tree, program: str) -> str:
    command = [str(of.python), "-c", program]
    done = subprocess.run(command, cwd=of.root, env=of.variables(), check=False, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip()


def worktrees(repository: Path) -> int:
    return len(subprocess.check_output(["git", "worktree", "list"], cwd=repository, text=True).splitlines())


def test_a_tree_runs_its_own_code_and_not_that_of_the_installed_one(tmp_path: Path) -> None:
    own = plant(tmp_path / "own")
    assert output(tree(own), "import eventstore; print(eventstore.__file__)").startswith(str(own))


def test_processes_of_processes_run_the_trees_own_code(tmp_path: Path) -> None:
    own = plant(tmp_path / "own")
    assert output(tree(own), _IN_A_GRANDCHILD).startswith(str(own))


@pytest.mark.parametrize("module", ["eventstore.errors", "functions.rest", "tests.conformance"])
def test_modules_of_only_the_installed_tree_are_not_found(tmp_path: Path, module: str) -> None:
    assert "ModuleNotFoundError" in output(tree(plant(tmp_path / "own")), f"import {module}")


def test_libraries_are_those_of_this_environment(tmp_path: Path) -> None:
    import redis  # noqa: PLC0415 - where it is found is what is compared

    assert output(tree(plant(tmp_path / "own")), "import redis; print(redis.__file__)") == redis.__file__


def test_the_callers_python_path_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = plant(tmp_path / "own")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "layers/eventstore"), str(ROOT)]))
    assert output(tree(own), "import eventstore; print(eventstore.__file__)").startswith(str(own))


def test_this_tree_and_its_children_import_their_own(tmp_path: Path) -> None:
    Tree.at(ROOT, environment=tmp_path / "environment", commit="0000000").verify()


def test_code_of_another_tree_is_noticed(tmp_path: Path) -> None:
    own, other = plant(tmp_path / "own"), plant(tmp_path / "other")
    tree(own).verify()
    (own / "functions").rename(own / "moved")
    (own / "functions").symlink_to(other / "functions")
    with pytest.raises(ForeignCodeError, match=r"code outside of .*own was imported: .*functions"):
        tree(own).verify()


def test_only_a_child_that_imports_other_code_is_noticed(tmp_path: Path) -> None:
    own, other = plant(tmp_path / "own"), plant(tmp_path / "other")
    # A process of the tree may change the import path of its children.
    changed = f"import os; os.environ['PYTHONPATH'] = {str(other / 'infra' / 'dev')!r}"
    (own / "layers" / "eventstore" / "eventstore" / "__init__.py").write_text(changed)
    with pytest.raises(ForeignCodeError, match="other/infra/dev/eventstore_dev"):
        tree(own).verify()


def test_the_other_tree_is_the_commit_and_the_own_one_is_as_it_stands(tmp_path: Path) -> None:
    repository = plant(tmp_path / "repository")
    name = commit(repository)
    (repository / "functions" / "added.py").write_text("")
    with checked_out(name, repository=repository) as (other, own):
        assert not (other.root / "functions" / "added.py").exists()
        assert "ModuleNotFoundError" in output(other, "import functions.added")
        assert output(own, "import functions.added") == ""
        assert name.startswith(other.commit)
        assert own.commit == f"{other.commit} with changes"


@pytest.mark.parametrize("end", [None, RuntimeError, KeyboardInterrupt])
def test_the_worktree_is_removed_however_the_block_ends(tmp_path: Path, end: type[BaseException] | None) -> None:
    repository = plant(tmp_path / "repository")
    commit(repository)
    place = tmp_path
    try:
        with checked_out("HEAD", repository=repository) as (other, _):
            place = other.root
            (place / "functions" / "changed.py").write_text("")
            assert worktrees(repository) == 2
            if end is not None:
                raise end
    except (RuntimeError, KeyboardInterrupt):
        pass
    assert worktrees(repository) == 1
    assert not place.parent.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_worktree_is_removed_when_the_process_is_terminated(tmp_path: Path, number: signal.Signals) -> None:
    repository = plant(tmp_path / "repository")
    commit(repository)
    command = [sys.executable, "-c", _HELD_OPEN, str(repository)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        place = Path(process.stdout.readline().strip())
        assert place.exists()
        process.send_signal(number)
    assert worktrees(repository) == 1
    assert not place.parent.exists()


def test_an_unknown_commit_is_reported(tmp_path: Path) -> None:
    repository = plant(tmp_path / "repository")
    commit(repository)
    with ExitStack() as stack, pytest.raises(CheckoutError, match="there is no commit nowhere"):
        stack.enter_context(checked_out("nowhere", repository=repository))
    assert worktrees(repository) == 1
