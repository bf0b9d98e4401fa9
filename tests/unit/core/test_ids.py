"""Ids have types, and durations have units (decision 044): mypy does not ask for them, for a bare `str` is valid."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[3]
_CORE = _ROOT / "layers/eventstore/eventstore"
_FUNCTIONS = _ROOT / "functions"
_IDS = (
    "connection",
    "connection_id",
    "epoch",
    "event_id",
    "filter_name",
    "own_id",
    "stream",
    "streams",
    "subscription_id",
)
_DURATIONS = ("age", "deadline", "delay", "pause", "timeout", "wait")

_WITH_TEXTS = (
    # Errors are the lowest layer: they quote texts, and decide nothing by them.
    *(_CORE / "errors").glob("*.py"),
    # A grant names prefixes of streams.
    _CORE / "access.py",
    # Their `streams` are keys of Redis.
    _CORE / "adapters/redis/connection.py",
    _CORE / "adapters/redis/keys.py",
)


def _declared(*roots: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield the names and annotations of all parameters and attributes, with their modules."""
    for path in (path for root in roots for path in sorted(root.rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.arg(arg=name, annotation=ast.expr() as annotation):
                    yield path, name, ast.unparse(annotation)
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                    yield path, name, ast.unparse(annotation)
                case _:
                    pass


@pytest.mark.parametrize("name", _IDS)
def test_an_id_has_a_type_of_its_own(name: str) -> None:
    declared = [(path, annotation) for path, known, annotation in _declared(_CORE) if known == name]
    assert declared
    assert not [path for path, annotation in declared if re.search(r"\bstr\b", annotation) and path not in _WITH_TEXTS]


def test_the_name_of_a_duration_ends_in_its_unit() -> None:
    # A stream's `max_age` is stored and sent under this name.
    numbers = [(path, name) for path, name, kind in _declared(_CORE, _FUNCTIONS) if re.match(r"int|float", kind)]
    assert not [(path, name) for path, name in numbers if name.endswith(_DURATIONS) and name != "max_age"]
