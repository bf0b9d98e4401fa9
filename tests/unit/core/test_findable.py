"""The table "Where is it?" of CONTRIBUTING.md matches the files of the core."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_CORE = _ROOT / "layers/eventstore/eventstore"
_TABLE = (_ROOT / "CONTRIBUTING.md").read_text().partition("## Where is it?")[2].partition("\n## ")[0]
_ROWS = [line.split("|")[1:-1] for line in _TABLE.splitlines() if line.startswith("| ") and "`" in line]
_FILES = [(row[0].strip(), path) for row in _ROWS for path in re.findall(r"`([a-z_/]+\.(?:py|lua))`", "".join(row[1:]))]
_MOST = 17
_SCRIPT_HEAD = 5


def test_the_table_has_ten_entries() -> None:
    assert len(_ROWS) == 10


@pytest.mark.parametrize(("thing", "path"), _FILES)
def test_each_entry_of_the_table_is_in_its_files(thing: str, path: str) -> None:
    text = (_CORE / path).read_text()
    if path.endswith(".lua"):
        assert text.count("\n") > _SCRIPT_HEAD, thing
        return
    tree = ast.parse(text)
    assert ast.get_docstring(tree), thing
    assert any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body), thing


def test_the_top_level_of_the_core_is_short() -> None:
    top_level = {path.name for path in _CORE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert len(top_level - {"__init__.py"}) <= _MOST
