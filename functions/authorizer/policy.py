"""What the gateway may let through: API Gateway Developer Guide, "Output from an API Gateway Lambda authorizer".

A policy for a REST API is kept by the gateway and used for other requests of the same credential, so it says what the
scopes allow on the whole stage. The functions check scopes and streams again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.access import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.access import Access

__all__ = ["policy_of"]


def _read(path: str) -> tuple[str, str]:
    """Reading what is at a path: HEAD is answered wherever GET is."""
    return f"GET{path}", f"HEAD{path}"


# An asterisk stands for what is below as well; what begins alike and is neither is not there. The gateway takes 8 KiB.
_OF_SCOPES: Mapping[Scope, Sequence[str]] = {
    Scope.PUBLISH: ("POST/api/v1/events",),
    Scope.READ: (*_read("/api/v1/events*"), *_read("/api/v1/streams*")),
    Scope.SUBSCRIBE: (*_read("/api/v1/subscriptions*"), *_read("/api/v1/handshake")),
    Scope.ADMIN: (
        "POST/api/v1/streams",
        "PATCH/api/v1/streams/*",
        "DELETE/api/v1/streams/*",
        "*/api/v1/subscriptions*",
        "*/api/v1/dead-letters*",
        *_read("/api/v1/stats"),
        "POST/api/v1/epoch",
    ),
}
_OF_ANYONE = (*_read("/health"), *_read("/api/v1/health"))
_CONNECT = "$connect"
_CONNECTING = (Scope.PUBLISH, Scope.SUBSCRIBE)


def policy_of(access: Access, *, method_arn: str) -> dict[str, Any]:
    """What API Gateway is told of an access.

    Args:
        access: What the credential grants.
        method_arn: What was asked for; its API and stage are those that the policy speaks of.
    """
    # arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/what is asked for
    api, stage, asked = method_arn.split("/", 2)
    if asked == _CONNECT:
        allowed = [_CONNECT] if any(map(access.allows, _CONNECTING)) else []
    else:
        allowed = [path for scope in Scope if access.allows(scope) for path in _OF_SCOPES[scope]]
        allowed += _OF_ANYONE if allowed else ()
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": "Allow" if allowed else "Deny",
        "Resource": [f"{api}/{stage}/{path}" for path in allowed or ("*",)],
    }
    context = access.encoded()
    return {
        # As in the context: access logs write either as it is.
        "principalId": context["subject"],
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }
