"""Positions are opaque above the ports: only the log that issued one knows what its numbers mean."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CORE = Path(__file__).parents[3] / "layers/eventstore/eventstore"
ABOVE = sorted(
    path for path in CORE.rglob("*.py") if path.relative_to(CORE).parts[0] not in {"adapters", "positions.py"}
)


def test_there_are_modules_above_the_ports() -> None:
    assert len(ABOVE) > 80


@pytest.mark.parametrize("path", ABOVE, ids=lambda path: str(path.relative_to(CORE)))
def test_no_module_above_the_ports_reads_the_numbers_of_a_position(path: Path) -> None:
    attributes = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert not attributes & {"major", "minor"}
