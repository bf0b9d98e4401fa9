"""Whether IAM statements allow a call.

Rules: IAM User Guide, "Policy evaluation logic" (an explicit Deny wins, nothing said is no) and "IAM JSON policy
elements: Action", "Resource" (wildcards). What is not understood is refused, never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PolicyError", "Statement", "allows", "document"]

_UNDERSTOOD = frozenset({"Action", "Effect", "Resource", "Sid"})
_SEGMENTS = 6


class PolicyError(Exception):
    """A policy has an unsupported element; the message names it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy.

    Attributes:
        source: Which policy it stands in, for who reads a finding.
    """

    allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    source: str = ""

    @classmethod
    def read(cls, content: Mapping[str, Any], *, source: str) -> Self:
        """Read a statement of a policy document.

        Raises:
            PolicyError: It has other elements than effect, action and resource, or lacks one, or uses variables.
        """
        unknown = sorted(set(content) - _UNDERSTOOD)
        if unknown:
            raise PolicyError(f"{source}: {', '.join(unknown)} is not understood; teach it to {__name__}")
        if content.get("Effect") not in {"Allow", "Deny"}:
            raise PolicyError(f"{source}: the effect is {content.get('Effect')!r}; it must be Allow or Deny")
        resources = _texts(content.get("Resource"), at=f"{source}: Resource")
        for resource in resources:
            if "${" in resource:
                raise PolicyError(f"{source}: {resource} has a variable, which is not understood")
            if resource != "*" and not re.fullmatch(r"arn(:[^:]*){4}:.+", resource):
                raise PolicyError(f"{source}: {resource!r} is neither an ARN nor *")
        return cls(
            content["Effect"] == "Allow", _texts(content.get("Action"), at=f"{source}: Action"), resources, source
        )

    def covers(self, action: str, resource: str) -> bool:
        """Whether the statement applies to the action on the resource."""
        return any(matches_action(pattern, action) for pattern in self.actions) and any(
            matches_resource(pattern, resource) for pattern in self.resources
        )


def document(content: Mapping[str, Any], *, source: str) -> tuple[Statement, ...]:
    """The statements of a policy's document.

    Raises:
        PolicyError: See `Statement.read`.
    """
    statements = content["Statement"]
    listed = [statements] if isinstance(statements, Mapping) else statements
    return tuple(Statement.read(item, source=source) for item in listed)


def allows(statements: Iterable[Statement], action: str, resource: str) -> bool:
    """Whether these statements alone allow the action on the resource."""
    effects = {statement.allow for statement in statements if statement.covers(action, resource)}
    return effects == {True}


def matches_action(pattern: str, action: str) -> bool:
    """Whether an element of `Action` matches an action, case-insensitively."""
    return _matches(pattern.lower(), action.lower())


def matches_resource(pattern: str, resource: str) -> bool:
    """Whether an element of `Resource` matches an ARN; only wildcards of the last segment span several segments."""
    if pattern == "*":
        return True
    wanted, parts = pattern.split(":", _SEGMENTS - 1), resource.split(":", _SEGMENTS - 1)
    return len(wanted) == len(parts) and all(map(_matches, wanted, parts))


def _matches(pattern: str, text: str) -> bool:
    wildcards = {"*": ".*", "?": "."}
    return (
        re.fullmatch("".join(wildcards.get(character, re.escape(character)) for character in pattern), text, re.DOTALL)
        is not None
    )


def _texts(value: object, *, at: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(text, str) and text for text in values):
        raise PolicyError(f"{at} is {value!r}; it must be a text, or a list of them")
    return tuple(values)
