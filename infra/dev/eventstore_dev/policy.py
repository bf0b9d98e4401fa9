"""Deciding by a policy, as far as authorizers write them: Allow and Deny of actions and resources.

Rules: AWS Identity and Access Management User Guide, "Policy evaluation logic" and "IAM JSON policy elements:
Resource"; API Gateway Developer Guide, "Output from an API Gateway Lambda authorizer".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto

_EFFECTS = frozenset({"Allow", "Deny"})
_MEMBERS = frozenset({"Sid", "Effect", "Action", "Resource"})


class PolicyError(Exception):
    """It is no policy, or has what the local stack does not know; the message says what."""


class Decision(Enum):
    """What comes of it: without a statement that speaks of it, nothing is allowed, and a denial counts before all."""

    ALLOWED = auto()
    DENIED = auto()
    DENIED_EXPLICITLY = auto()


def decide(policy: object, *, action: str, resource: str) -> Decision:
    """What a policy says of an action on a resource.

    Raises:
        PolicyError: It cannot be understood.
    """
    effects = {
        statement["Effect"]
        for statement in _statements(policy)
        if _speaks_of(statement["Action"], action) and _speaks_of(statement["Resource"], resource)
    }
    if "Deny" in effects:
        return Decision.DENIED_EXPLICITLY
    return Decision.ALLOWED if effects else Decision.DENIED


def _statements(policy: object) -> list[Mapping[str, object]]:
    told = policy.get("Statement") if isinstance(policy, Mapping) else None
    statements: list[Mapping[str, object]] = []
    for statement in told if isinstance(told, list) else [told]:
        if not isinstance(statement, Mapping) or statement.get("Effect") not in _EFFECTS:
            raise PolicyError("policyDocument needs statements, each with Effect, Action and Resource")
        if unknown := sorted(statement.keys() - _MEMBERS):
            raise PolicyError(f"a statement has {unknown[0]}, which the local stack does not know")
        for needed in ("Action", "Resource"):
            if needed not in statement:
                raise PolicyError(f"a statement has no {needed}")
        statements.append(statement)
    return statements


def _speaks_of(patterns: object, what: str) -> bool:
    return any(_pattern(str(one)).fullmatch(what) for one in (patterns if isinstance(patterns, list) else [patterns]))


def _pattern(text: str) -> re.Pattern[str]:
    """`*` stands for any characters, slashes too, and `?` for one."""
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
