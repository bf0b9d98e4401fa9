"""What one looks for is where its name says: the table of CONTRIBUTING.md, held to the tree."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_CORE = _ROOT / "layers/eventstore/eventstore"
_ROWS = re.findall(r"^\| ([a-zA-Z -]+) \| `([a-z_/]+\.py)` \|$", (_ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
_MOST = 16


def test_ten_things_are_named() -> None:
    assert len(_ROWS) == 10


@pytest.mark.parametrize(("thing", "module"), _ROWS)
def test_a_thing_is_in_the_module_that_is_named(thing: str, module: str) -> None:
    tree = ast.parse((_CORE / module).read_text())
    assert ast.get_docstring(tree), thing
    assert any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body), thing


def test_the_top_level_of_the_core_is_short() -> None:
    found = {path.name for path in _CORE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert len(found - {"__init__.py"}) <= _MOST
