"""The transitive imports of modules, from their source, because a built module may not run on this machine."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["Reach", "reach"]


class Reach(NamedTuple):
    """The modules, and the scripts and data, that modules reach in some folders, and the missing modules."""

    modules: dict[str, Path]
    scripts: set[Path]
    missing: set[str]


def reach(entries: Iterable[str], *, folders: Sequence[Path], packages: Sequence[str]) -> Reach:
    """Follow the imports of modules within the given packages, including imports in functions.

    A text that is the name of a module counts as its import (`bootstrap.preload`). Where a module imports `Script`,
    `Script("name")` counts as the use of `lua/name.lua` beside the module that defines `Script`, and so does a text
    that is the name of such a file. So does a text that names a JSON file beside the module, or a JavaScript file in a
    folder beside it.

    Args:
        entries: The names of modules.
        folders: Where modules are.
        packages: The packages within which imports are followed.
    """
    result = Reach({}, set(), set())
    ahead = list(entries)
    while ahead:
        name = ahead.pop()
        if name in result.modules or name in result.missing or name.partition(".")[0] not in packages:
            continue
        path = _file_of(name, folders)
        if path is None:
            result.missing.add(name)
            continue
        result.modules[name] = path
        ahead += [name.rpartition(".")[0]] if "." in name else []
        nodes = list(_run(ast.parse(path.read_text())))
        for node in nodes:
            ahead += _imported(node, name, path, folders)
        result.scripts.update(file for node in nodes for file in _beside(node, path))
        if scripts := _script_folder(nodes, folders):
            result.scripts.update(file for node in nodes for file in _scripts(node, scripts))
    return result


def _file_of(name: str, folders: Sequence[Path]) -> Path | None:
    stem = name.replace(".", "/")
    places = (folder / place for folder in folders for place in (f"{stem}/__init__.py", f"{stem}.py"))
    return next((place for place in places if place.is_file()), None)


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a module, without those for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from _run(node)


def _imported(node: ast.AST, name: str, path: Path, folders: Sequence[Path]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        above = package.rsplit(".", node.level - 1)[0] + "." if node.level else ""
        source = (above + (node.module or "")).rstrip(".")
        within = (f"{source}.{alias.name}" for alias in node.names)
        return [source, *(module for module in within if _file_of(module, folders))]
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
        named = all(part.isidentifier() for part in node.value.split("."))
        return [node.value] if named and _file_of(node.value, folders) else []
    return []


def _script_folder(nodes: Iterable[ast.AST], folders: Sequence[Path]) -> Path | None:
    """The folder of the scripts of a module; None if it imports no `Script`."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and any(alias.name == "Script" for alias in node.names):
            defined = _file_of(node.module, folders)
            return defined.parent / "lua" if defined else None
    return None


def _beside(node: ast.AST, path: Path) -> list[Path]:
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"\w+\.json|(\w+/)?\w+\.js", node.value)
    ):
        named = path.parent / node.value
        return [named] if named.is_file() else []
    return []


def _scripts(node: ast.AST, folder: Path) -> list[Path]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Script":
        names = [str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)]
        return [folder / f"{name}.lua" for name in names]
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"\w+/\w+", node.value):
        named = folder / f"{node.value}.lua"
        return [named] if named.is_file() else []
    return []
