"""Policies for the gateway: API Gateway Developer Guide, "Output from an API Gateway Lambda authorizer".

The gateway caches the policy of a REST API for other requests with the same credential, so a policy covers all that the
scopes allow on the stage. The functions check scopes and streams again.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from eventstore.access import Scope

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from eventstore.access import Access

__all__ = ["CONNECT", "is_granted", "policy_of"]


def _read(path: str) -> tuple[str, str]:
    """Return the resources that read a path: HEAD is supported wherever GET is."""
    return f"GET{path}", f"HEAD{path}"


_SCHEMAS = _read("/api/v1/schemas*")

# An asterisk also covers all paths below. The gateway limits the response to 8 KiB, so patterns are few.
_RESOURCES_BY_SCOPE: Mapping[Scope, Sequence[str]] = {
    Scope.PUBLISH: ("POST/api/v1/events", *_SCHEMAS),
    Scope.READ: (*_read("/api/v1/events*"), *_read("/api/v1/streams*"), *_read("/api/v1/filters*"), *_SCHEMAS),
    Scope.SUBSCRIBE: (
        *_read("/api/v1/subscriptions*"),
        *_read("/api/v1/filters*"),
        *_read("/api/v1/handshake"),
        *_SCHEMAS,
    ),
    Scope.ADMIN: (
        "POST/api/v1/streams*",
        "PATCH/api/v1/streams/*",
        "DELETE/api/v1/streams/*",
        "*/api/v1/subscriptions*",
        "*/api/v1/filters*",
        "*/api/v1/schemas*",
        "*/api/v1/dead-letters*",
        "*/api/v1/connections*",
        *_read("/api/v1/stats"),
        "POST/api/v1/epoch",
    ),
}
_PUBLIC_RESOURCES = (*_read("/health"), *_read("/api/v1/health"))
CONNECT = "$connect"
"""The request to open a WebSocket connection."""

_CONNECT_SCOPES = (Scope.PUBLISH, Scope.SUBSCRIBE)


def policy_of(access: Access, *, method_arn: str) -> dict[str, Any]:
    """Return the authorizer's response to API Gateway.

    Args:
        access: What the credential grants.
        method_arn: The requested method; the policy covers its API and stage.
    """
    # arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/REQUESTED
    api, stage, requested = method_arn.split("/", 2)
    allowed = _granted(access, requested=requested)
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": "Allow" if allowed else "Deny",
        "Resource": [f"{api}/{stage}/{path}" for path in allowed or ("*",)],
    }
    context = access.encoded()
    return {
        # Escaped as in the context: access logs write both unescaped.
        "principalId": context["subject"],
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }


def is_granted(access: Access, *, requested: str) -> bool:
    """Return whether a credential allows a request, where no gateway decides it by the policy.

    Args:
        access: What the credential grants.
        requested: The method and the path behind it, such as `GET/api/v1/events`, or `CONNECT`.
    """
    return any(fnmatchcase(requested, pattern) for pattern in _granted(access, requested=requested))


def _granted(access: Access, *, requested: str) -> list[str]:
    if requested == CONNECT:
        return [CONNECT] if any(map(access.allows, _CONNECT_SCOPES)) else []
    granted = _widest([path for scope in Scope if access.allows(scope) for path in _RESOURCES_BY_SCOPE[scope]])
    return [*granted, *_PUBLIC_RESOURCES] if granted else []


def _widest(patterns: Collection[str]) -> list[str]:
    """Return the patterns without those that another one covers, so that the response is short."""
    return [
        pattern
        for pattern in dict.fromkeys(patterns)
        if not any(other != pattern and fnmatchcase(pattern, other) for other in patterns)
    ]
