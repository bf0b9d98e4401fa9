"""`__all__` of each module names what the module defines, in order."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_MODULES = sorted(
    path
    for folder in (
        "layers/eventstore/eventstore",
        "layers/client/eventstore_client",
        "infra/site/eventstore_site",
        "infra/testing/eventstore_testing",
    )
    for path in (_ROOT / folder).rglob("*.py")
    if path.name != "__main__.py"
)


def exported(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def defined(tree: ast.Module) -> set[str]:
    names = set()
    body = list(tree.body)
    if any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in body):
        # Such a module imports some names when they are used; for the type checker, it imports them at once.
        body += [child for node in body if isinstance(node, ast.If) for child in node.body]
    # What the program has, where the type checker has something else.
    body += [child for node in tree.body if isinstance(node, ast.If) for child in node.orelse]
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("path", _MODULES, ids=lambda path: str(path.relative_to(_ROOT)))
def test_a_module_exports_names_that_it_has_in_order(path: Path) -> None:
    tree = ast.parse(path.read_text())
    names = exported(tree)
    if names is None:
        assert not any(isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_" for node in tree.body)
        return
    assert set(names) <= defined(tree)
    assert names == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
