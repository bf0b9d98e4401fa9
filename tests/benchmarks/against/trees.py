"""The two trees of a comparison, and the Python that runs each with its own code and with the same libraries.

This project is installed in its environment by a `.pth` file, which every Python of that environment reads, whatever
the working directory is: a module that only this tree has would be found from the other tree, too. So each tree gets an
environment of its own, whose `.pth` names the tree and then the libraries. Processes that a benchmark starts run
`sys.executable`, and so find the same.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import venv
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PACKAGES", "ROOT", "CheckoutError", "ForeignCodeError", "Tree", "checked_out", "require_own"]

ROOT = Path(__file__).parents[3]
"""The tree that this file belongs to."""
PACKAGES = ("eventstore", "eventstore_client", "eventstore_dev", "functions")

_FILES = f"""\
import importlib, json
print(json.dumps([importlib.import_module(name).__file__ for name in {PACKAGES!r}]), flush=True)
"""
_FILES_AND_A_CHILDS = f"{_FILES}import subprocess, sys; subprocess.run([sys.executable, '-c', {_FILES!r}], check=True)"


class CheckoutError(Exception):
    """The other commit cannot be checked out; the message is Git's."""


class ForeignCodeError(Exception):
    """A process of one tree has imported the code of another; what it measures would be wrong."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout that can be run.

    Attributes:
        root: Its folder.
        python: An interpreter that finds the packages of this tree, and of no other one.
        commit: What it holds, for readers.
    """

    root: Path
    python: Path
    commit: str

    @classmethod
    def at(cls, root: Path, *, environment: Path, commit: str) -> Tree:
        """Make the environment of a tree.

        Args:
            root: Where the tree is.
            environment: The folder to make it in.
            commit: What the tree holds, for readers.
        """
        venv.EnvBuilder(symlinks=True, with_pip=False).create(environment)
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        sources = [str((root / folder).resolve()) for folder in project["tool"]["hatch"]["build"]["dev-mode-dirs"]]
        libraries = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
        places = {"base": str(environment), "platbase": str(environment)}
        # Python reads the `.pth` files of this folder, and not those of the folders that they name.
        site = Path(sysconfig.get_path("purelib", scheme="venv", vars=places))
        (site / "tree.pth").write_text("".join(f"{path}\n" for path in dict.fromkeys([*sources, *libraries])))
        return cls(root.resolve(), environment / "bin" / "python", commit)

    def variables(self) -> dict[str, str]:
        """The environment of the tree's processes: the caller's, without what would change where Python looks."""
        return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}

    def verify(self) -> None:
        """Ask a process, and a process that it starts, which code they import.

        Raises:
            ForeignCodeError: One of them imports another tree's.
        """
        command = [str(self.python), "-c", _FILES_AND_A_CHILDS]
        done = subprocess.run(
            command, cwd=self.root, env=self.variables(), stdout=subprocess.PIPE, check=True, text=True
        )
        for line in done.stdout.splitlines():
            require_own(self.root, json.loads(line))


def require_own(root: Path, files: list[str]) -> None:
    """Raise `ForeignCodeError` unless all files are of the tree at `root`."""
    foreign = [file for file in files if not Path(file).resolve().is_relative_to(root.resolve())]
    if foreign:
        raise ForeignCodeError(f"code outside of {root} was imported: {', '.join(foreign)}")


@contextmanager
def checked_out(commit: str, *, repository: Path = ROOT) -> Iterator[tuple[Tree, Tree]]:
    """The other commit in a temporary Git worktree, and the repository's own tree as it stands, for a block.

    The worktree goes when the block ends, by an error, Ctrl-C and SIGTERM too.

    Args:
        commit: A name that Git knows.
        repository: The tree to compare with.

    Raises:
        CheckoutError: Git knows no such commit, or cannot check it out.
    """
    other = _git(repository, "rev-parse", "--verify", "--quiet", "--short", f"{commit}^{{commit}}") or ""
    if not other:
        raise CheckoutError(f"there is no commit {commit}")
    own = _git(repository, "rev-parse", "--short", "HEAD")
    if _git(repository, "status", "--porcelain"):
        own += " with changes"
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-"))
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        _git(repository, "worktree", "add", "--quiet", "--detach", str(folder / "tree"), other)
        yield (
            Tree.at(folder / "tree", environment=folder / "other", commit=other),
            Tree.at(repository, environment=folder / "own", commit=own),
        )
    finally:
        signal.signal(signal.SIGTERM, before)
        # In a group of its own, for a second Ctrl-C is sent to all of the terminal's.
        subprocess.run(
            ["git", "worktree", "remove", "--force", str(folder / "tree")],
            cwd=repository,
            capture_output=True,
            check=False,
            process_group=0,
        )
        shutil.rmtree(folder, ignore_errors=True)


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=repository, capture_output=True, check=False, text=True)
    if done.returncode and done.stderr:
        raise CheckoutError(done.stderr.strip())
    return done.stdout.strip()
