"""What the Makefile copies into each function; `make built` checks the built functions."""

from __future__ import annotations

import re

import pytest

from tests.artifacts.imports import reach
from tests.unit.deployment.templates import ROOT

_PARTS = {
    parts.split()[0]: set(parts.split()[1:])
    for parts in re.findall(r"^build-\w+Function: PARTS = (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
}


@pytest.mark.parametrize("function", sorted(_PARTS))
def test_a_function_is_built_with_the_shared_modules_that_it_imports(function: str) -> None:
    imports = reach([f"functions.{function}.app"], folders=[ROOT, ROOT / "layers/eventstore"], packages=["functions"])
    below = {path.relative_to(ROOT / "functions").parts[0] for path in imports.modules.values()}
    assert _PARTS[function] == below - {"__init__.py", *_PARTS}
