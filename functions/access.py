"""Who calls, as the gateway's authorizer passed it on; the use cases decide what that allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.access import FULL, Access
from eventstore.errors import Forbidden
from functions.hub import hub

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["access_of"]


def access_of(context: Mapping[str, Any]) -> Access:
    """What the caller may do, by the event's `requestContext`: everything, where no authorizer decides (`AUTH`).

    Raises:
        Forbidden: An authorizer is to decide, and the gateway passed nothing on: it was not asked.
    """
    if not hub().settings.authorizes:
        return FULL
    authorizer_context = context.get("authorizer")
    if not authorizer_context:
        raise Forbidden("AUTH wants an authorizer in front of this function, and none was asked; see docs/security.md")
    return Access.decoded(authorizer_context)
