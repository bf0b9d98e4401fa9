"""The deployed templates, as their files define them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventstore_dev.template_file import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["NESTED", "OWN", "ROOT", "TEMPLATES", "mappings_in", "properties", "resources"]

ROOT = Path(__file__).parents[3]
OWN = load(ROOT / "template.yaml")
NESTED = {path.stem: load(path) for path in sorted((ROOT / "infra/stacks").glob("*.yaml"))}
TEMPLATES: Mapping[str, Mapping[str, Any]] = {"template": OWN, **NESTED}


def resources(kind: str) -> dict[str, Mapping[str, Any]]:
    """The properties of all resources of a kind, by logical id."""
    return {
        name: resource.get("Properties", {})
        for template in TEMPLATES.values()
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def properties(template: str, name: str) -> Mapping[str, Any]:
    properties_of: Mapping[str, Any] = TEMPLATES[template]["Resources"][name]["Properties"]
    return properties_of


def mappings_in(node: object) -> Iterator[Mapping[str, Any]]:
    """Every mapping in a tree, starting with the tree itself."""
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from mappings_in(inner)
