"""The handler, called with the authorizer context of a credential."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.access import Access, Scope
from tests.functional.rest.api import Api

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.functional.rest.api import Reply

__all__ = ["Caller", "caller"]


class Caller(Api):
    """An `Api` with an access; without one, events carry no authorizer context."""

    def __init__(self, access: Access | None) -> None:
        super().__init__()
        self.access = access

    def invoke(self, event: dict[str, Any]) -> Reply:
        if self.access is not None:
            authorizer = {"principalId": self.access.subject, "integrationLatency": 7, **self.access.encoded()}
            event = event | {"requestContext": event["requestContext"] | {"authorizer": authorizer}}
        return super().invoke(event)


def caller(*scopes: Scope, tenants: Sequence[str] = (), streams: Sequence[str] = ()) -> Caller:
    """A caller with the given scopes, by default all."""
    return Caller(Access.of("someone", scopes or Scope, tenants=tenants, streams=streams))
