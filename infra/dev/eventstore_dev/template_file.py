"""A template's file: YAML, with the short forms of intrinsic functions.

Rules: AWS CloudFormation User Guide, "Intrinsic function reference".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["TemplateError", "load"]

_SHORT_FORMS = {"Ref": "Ref", "Condition": "Condition"}


class TemplateError(Exception):
    """The template cannot be used; the message names the place, what is wrong and what would be right."""


def load(path: Path) -> Mapping[str, Any]:
    """A template as it stands in its file, with the short forms of intrinsic functions written out.

    Raises:
        TemplateError: The file is missing or is no template.
    """
    try:
        # The loader is SafeLoader with tags that build plain mappings.
        tree = yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506 - see above
    except FileNotFoundError:
        raise TemplateError(f"There is no {path}. Start in the project's folder, or name it: --template") from None
    except yaml.YAMLError as error:
        raise TemplateError(f"{path} is no YAML: {error}") from error
    if not isinstance(tree, Mapping) or not isinstance(tree.get("Resources"), Mapping):
        raise TemplateError(f"{path} is no CloudFormation template: it has no Resources")
    return tree


class _Loader(yaml.SafeLoader):
    """Plain YAML, and the short forms of intrinsic functions."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)  # noqa: S101 - YAML has three kinds of node
        value = loader.construct_mapping(node, deep=True)
    return {_SHORT_FORMS.get(suffix, f"Fn::{suffix}"): value}


_Loader.add_multi_constructor("!", _short_form)
