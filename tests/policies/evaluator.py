"""Whether statements of IAM let a call pass.

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
    """A policy that says what is not understood here; the message names it."""


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
    def read(cls, told: Mapping[str, Any], *, source: str) -> Self:
        """A statement as it stands in a policy's document.

        Raises:
            PolicyError: It has other elements than effect, action and resource, or lacks one, or uses variables.
        """
        unknown = sorted(set(told) - _UNDERSTOOD)
        if unknown:
            raise PolicyError(f"{source}: {', '.join(unknown)} is not understood; teach it to {__name__}")
        if told.get("Effect") not in {"Allow", "Deny"}:
            raise PolicyError(f"{source}: the effect is {told.get('Effect')!r}; it must be Allow or Deny")
        resources = _texts(told.get("Resource"), at=f"{source}: Resource")
        for resource in resources:
            if "${" in resource:
                raise PolicyError(f"{source}: {resource} has a variable, which is not understood")
            if resource != "*" and not re.fullmatch(r"arn(:[^:]*){4}:.+", resource):
                raise PolicyError(f"{source}: {resource!r} is neither an ARN nor *")
        return cls(told["Effect"] == "Allow", _texts(told.get("Action"), at=f"{source}: Action"), resources, source)

    def covers(self, action: str, resource: str) -> bool:
        """Whether it speaks of this."""
        return any(matches_action(one, action) for one in self.actions) and any(
            matches_resource(one, resource) for one in self.resources
        )


def document(told: Mapping[str, Any], *, source: str) -> tuple[Statement, ...]:
    """The statements of a policy's document.

    Raises:
        PolicyError: See `Statement.read`.
    """
    statements = told["Statement"]
    listed = [statements] if isinstance(statements, Mapping) else statements
    return tuple(Statement.read(one, source=source) for one in listed)


def allows(statements: Iterable[Statement], action: str, resource: str) -> bool:
    """Whether whoever has these statements may do this, by them alone."""
    effects = {one.allow for one in statements if one.covers(action, resource)}
    return effects == {True}


def matches_action(pattern: str, action: str) -> bool:
    """Whether an action is meant by an element of `Action`, whatever its case."""
    return _matches(pattern.lower(), action.lower())


def matches_resource(pattern: str, resource: str) -> bool:
    """Whether an ARN is meant by an element of `Resource`: a wildcard ends with its segment, but for the last."""
    if pattern == "*":
        return True
    wanted, found = pattern.split(":", _SEGMENTS - 1), resource.split(":", _SEGMENTS - 1)
    return len(wanted) == len(found) and all(map(_matches, wanted, found))


def _matches(pattern: str, text: str) -> bool:
    wildcards = {"*": ".*", "?": "."}
    return re.fullmatch("".join(wildcards.get(one, re.escape(one)) for one in pattern), text, re.DOTALL) is not None


def _texts(told: object, *, at: str) -> tuple[str, ...]:
    found = told if isinstance(told, list) else [told]
    if not found or not all(isinstance(one, str) and one for one in found):
        raise PolicyError(f"{at} is {told!r}; it must be a text, or a list of them")
    return tuple(found)
