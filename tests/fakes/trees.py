"""Small trees that can be run as this one is, by the benchmarks that compare two."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.benchmarks.against.trees import PACKAGES

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["commit", "plant", "text", "worker"]

_PROJECT = '[tool.hatch.build]\ndev-mode-dirs = ["layers/eventstore", "layers/client", "infra/dev", "."]\n'
_FOLDERS = {"eventstore": "layers/eventstore", "eventstore_client": "layers/client", "eventstore_dev": "infra/dev"}
_GIT = ("git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
_WORKER = """\
import importlib, json, sys
names = ["eventstore", "eventstore_client", "eventstore_dev", "functions"]
print(json.dumps({{
    "tasks": [{{"what": what, "unit": "ms", "amount": 1, "pairs": {pairs}}} for what in {costs!r}],
    "files": [importlib.import_module(name).__file__ for name in names],
}}), flush=True)
for line in sys.stdin:
    print(list({costs!r}.values())[int(line)], flush=True)
"""


def plant(root: Path) -> Path:
    """A tree of packages that hold nothing."""
    for name in PACKAGES:
        package = root / _FOLDERS.get(name, ".") / name
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
    (root / "pyproject.toml").write_text(_PROJECT)
    worker(root, {})
    return root


def worker(root: Path, costs: dict[str, float], *, pairs: int = 2) -> None:
    """Give the tree a worker whose blocks cost what is given here, by what they are."""
    text(root, _WORKER.format(costs=costs, pairs=pairs))


def text(root: Path, program: str) -> None:
    """Give the tree this program for a worker."""
    folder = root / "tests" / "benchmarks" / "against"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "worker.py").write_text(program)


def commit(root: Path) -> str:
    """Commit all of the tree, in a repository of its own: the commit's name."""
    subprocess.run([*_GIT, "init", "--quiet"], cwd=root, check=True)
    subprocess.run([*_GIT, "add", "--all"], cwd=root, check=True)
    subprocess.run([*_GIT, "commit", "--quiet", "--message", "All"], cwd=root, check=True)
    return subprocess.check_output([*_GIT, "rev-parse", "HEAD"], cwd=root, text=True).strip()
