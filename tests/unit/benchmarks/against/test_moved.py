from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.against.moved import MOVED, as_in

if TYPE_CHECKING:
    from pathlib import Path

IMPORT = "from eventstore.cloudevents.event import Event\n"


def tree(root: Path, *modules: str) -> Path:
    for module in modules:
        path = root / "layers" / "eventstore" / f"{module.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_a_module_has_the_name_of_the_tree_that_measures(tmp_path: Path) -> None:
    assert as_in(tree(tmp_path, "eventstore.events"), IMPORT) == "from eventstore.events import Event\n"


@pytest.mark.parametrize("modules", [(), ("eventstore.cloudevents.event",)])
def test_a_tree_that_has_it_where_it_is_now_or_nowhere_gets_the_name_of_now(
    tmp_path: Path, modules: tuple[str, ...]
) -> None:
    assert as_in(tree(tmp_path, *modules), IMPORT) == IMPORT


@pytest.mark.parametrize("module", MOVED)
def test_moved_modules_exist(module: str) -> None:
    assert find_spec(module)
