"""The caller's permissions, as the gateway's authorizer passes them on; use cases enforce them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.access import FULL, Access
from eventstore.errors import Forbidden
from functions.hub import hub

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["access_of"]


def access_of(context: Mapping[str, Any]) -> Access:
    """Return the caller's permissions from the event's `requestContext`: all of them without an authorizer (`AUTH`).

    Raises:
        Forbidden: `AUTH` requires an authorizer, but the gateway did not call one.
    """
    if not hub().settings.authorizes:
        return FULL
    authorizer_context = context.get("authorizer")
    if not authorizer_context:
        raise Forbidden("AUTH requires an authorizer, but the gateway did not call one; see docs/security.md")
    return Access.decoded(authorizer_context)
