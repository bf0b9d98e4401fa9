"""Who a caller is, by the credential of a request: the same credentials and grants as behind API Gateway."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from eventstore.errors import Forbidden, Unauthorized
from functions.authorizer.credentials import credential_of
from functions.authorizer.policy import CONNECT, is_granted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore.access import Access

__all__ = ["Authorizer"]

_LOGGER = logging.getLogger(__name__)

_PUBLIC = frozenset({"/api/v1/docs", "/api/v1/eventstore.js", "/api/v1/openapi.json", "/api/v1/asyncapi.json"})
"""The paths for which nobody is asked for a credential; template.yaml has a route for each."""


_OPERATIONS = frozenset({"/metrics"})
"""The paths that the server has and API Gateway has not; they check the scope themselves."""


class Authorizer:
    """Checks the credentials of requests.

    Args:
        access_of: Checks a credential, and returns its access; None if callers need none (`AUTH=none`).
    """

    def __init__(self, access_of: Callable[[str], Access] | None) -> None:
        self._access_of = access_of

    def context_of(self, event: Mapping[str, Any]) -> Mapping[str, str] | None:
        """Return what the functions are told of a caller; None where callers need no credential.

        Args:
            event: The event of a request, or of a handshake.

        Raises:
            Unauthorized: The request has no valid credential.
            Forbidden: The credential lacks the scope for this request, or there is no such call.
            Unavailable: The keys cannot be read now.
        """
        if self._access_of is None or self._is_public(event):
            return None
        try:
            access = self._access_of(credential_of(event))
        except Unauthorized as error:
            _LOGGER.info("credential rejected: %s", error.detail)
            raise
        requested = f"{event['httpMethod']}{event['path']}" if "httpMethod" in event else CONNECT
        if event.get("path") not in _OPERATIONS and not is_granted(access, requested=requested):
            raise Forbidden("the credential lacks the scope for this call, or there is no such call")
        return access.encoded()

    def access_of(self, credential: str) -> Access | None:
        """Return the access of a credential; None where callers need none.

        Raises:
            Unauthorized: The credential is not valid.
        """
        if self._access_of is None:
            return None
        if not credential:
            raise Unauthorized("the call has no credential; send authorization: Bearer, or x-api-key")
        return self._access_of(credential)

    @staticmethod
    def _is_public(event: Mapping[str, Any]) -> bool:
        # A browser sends no credential with a preflight.
        return event.get("httpMethod") == "OPTIONS" or event.get("path") in _PUBLIC
