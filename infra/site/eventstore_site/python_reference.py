"""The page of the Python client: the names that it exports, each with a directive for mkdocstrings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["python_reference"]

_FIRST = ["hub", "subscription", "worker", "verdicts"]
_TITLES = {
    "hub": "The hub",
    "subscription": "Subscriptions",
    "worker": "Workers",
    "verdicts": "Verdicts of handlers",
    "aws_iam": "Credentials of AWS",
    "calls": "Values of calls",
}
_LAST = "errors"


def python_reference(package: ModuleType) -> str:
    """Return the page of a package, with a section for each module that defines names that the package exports."""
    sections: dict[str, list[str]] = {}
    for name in package.__all__:
        module = _module(getattr(package, name), package)
        if module is not None:
            sections.setdefault(module, []).append(name)

    def order(module: str) -> tuple[int, str]:
        return (_FIRST.index(module) if module in _FIRST else len(_FIRST) + (module == _LAST), module)

    parts = [
        "# Python API\n",
        "This page is generated from the docstrings of the package. [The client](../client.md) introduces it.\n",
    ]
    for module in sorted(sections, key=order):
        title = _TITLES.get(module) or module.replace("_", " ").replace(".", " ").capitalize()
        parts.append(f"## {title}\n")
        parts += [f"::: {package.__name__}.{name}\n" for name in sections[module]]
    return "\n".join(parts)


def _module(value: object, package: ModuleType) -> str | None:
    """The module of the package that defines a value; None for a module, a constant and an alias of a type."""
    if not isinstance(value, type):
        return None
    prefix = f"{package.__name__}."
    return value.__module__.removeprefix(prefix) if value.__module__.startswith(prefix) else None
