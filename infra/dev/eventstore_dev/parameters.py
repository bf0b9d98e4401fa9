"""The parameters of a template: which there are, and the values that they may have.

Rules: AWS CloudFormation User Guide, "Parameters".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from eventstore_dev.template_file import TemplateError, load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["check_parameter", "declared_parameters", "settle_parameters"]


def declared_parameters(path: Path) -> Mapping[str, str | None]:
    """Return the parameters of a template by name, each with its default; None if it has none.

    Raises:
        TemplateError: The file is missing or is no template.
    """
    declared = load(path).get("Parameters") or {}
    return {name: str(about["Default"]) if "Default" in about else None for name, about in declared.items()}


def check_parameter(path: Path, name: str, value: str, *, called: str) -> None:
    """Checks a value for a parameter before the template is read.

    Args:
        path: The template.
        name: A parameter that it declares.
        value: For that parameter.
        called: What the message is to call it: where the value came from.

    Raises:
        TemplateError: It is none that the parameter may have.
    """
    _check(called, value, load(path)["Parameters"][name])


def settle_parameters(declared: Mapping[str, Any], *, given: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the value of every parameter: text, or a list of texts.

    Args:
        declared: The template's section `Parameters`.
        given: Values, over the defaults.

    Raises:
        TemplateError: One has no value or a forbidden one, or is given and is no parameter of the template.
    """
    for name in given:
        if name not in declared:
            raise TemplateError(f"The template has no parameter {name}; it has {', '.join(sorted(declared)) or 'none'}")
    settled = {}
    for name, about in declared.items():
        value = given.get(name, about.get("Default"))
        if value is None:
            raise TemplateError(f"The parameter {name} has no default, so it must be given: --parameter {name}=VALUE")
        listed = about.get("Type") == "CommaDelimitedList" or str(about.get("Type")).startswith("List<")
        parts = [part.strip() for part in str(value).split(",")] if listed else [str(value)]
        for part in parts:
            _check(f"The parameter {name}", part, about)
        settled[name] = parts if listed else str(value)
    return settled


def _check(called: str, value: str, about: Mapping[str, Any]) -> None:
    # CloudFormation masks such a value wherever it would show it.
    shown = "****" if str(about.get("NoEcho")).lower() == "true" else repr(value)
    allowed = [str(option) for option in about.get("AllowedValues") or ()]
    if allowed and value not in allowed:
        raise TemplateError(f"{called} is {shown}; it must be one of {', '.join(allowed)}")
    pattern = about.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, value):
        rule = about.get("ConstraintDescription") or f"must match {pattern}"
        raise TemplateError(f"{called} is {shown}; it {rule}")
    if about.get("Type") == "Number" and not re.fullmatch(r"[+-]?\d+(\.\d+)?", value):
        raise TemplateError(f"{called} is {shown}; it must be a number")
