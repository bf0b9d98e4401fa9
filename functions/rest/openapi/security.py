"""Who may make which call: what the document says of it where an authorizer decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.access import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PUBLIC", "SCOPES", "schemes_of", "secured"]

SCOPES: Mapping[str, Sequence[Scope]] = {
    "publishEvents": (Scope.PUBLISH,),
    "searchEvents": (Scope.READ,),
    "getEvent": (Scope.READ,),
    "createStream": (Scope.ADMIN,),
    "listStreams": (Scope.READ,),
    "getStream": (Scope.READ,),
    "changeStream": (Scope.ADMIN,),
    "deleteStream": (Scope.ADMIN,),
    "forkStream": (Scope.ADMIN,),
    "readStream": (Scope.READ,),
    "createSubscription": (Scope.ADMIN,),
    "listSubscriptions": (Scope.SUBSCRIBE, Scope.ADMIN),
    "getSubscription": (Scope.SUBSCRIBE, Scope.ADMIN),
    "changeSubscription": (Scope.ADMIN,),
    "deleteSubscription": (Scope.ADMIN,),
    "replaySubscription": (Scope.ADMIN,),
    "listFilters": (Scope.READ, Scope.SUBSCRIBE, Scope.ADMIN),
    "getFilter": (Scope.READ, Scope.SUBSCRIBE, Scope.ADMIN),
    "putFilter": (Scope.ADMIN,),
    "deleteFilter": (Scope.ADMIN,),
    "listSchemas": tuple(Scope),
    "getSchema": tuple(Scope),
    "putSchema": (Scope.ADMIN,),
    "deleteSchema": (Scope.ADMIN,),
    "listDeadLetters": (Scope.ADMIN,),
    "redriveDeadLetters": (Scope.ADMIN,),
    "purgeDeadLetters": (Scope.ADMIN,),
    "listConnections": (Scope.ADMIN,),
    "closeConnection": (Scope.ADMIN,),
    "getStats": (Scope.ADMIN,),
    "renewEpoch": (Scope.ADMIN,),
    "checkHandshake": (Scope.SUBSCRIBE,),
    "getRootHealth": (),
    "getHealth": (),
    "getOpenApi": (),
    "getAsyncApi": (),
    "getDocs": (),
    "getModule": (),
}
"""By the operation: the scopes of which one is needed; none, where a credential is enough."""

_BEARER: dict[str, Any] = {"type": "http", "scheme": "bearer", "description": "A JSON Web Token, or an API key."}
_API_KEY: dict[str, Any] = {"type": "apiKey", "in": "header", "name": "X-Api-Key"}
_SIGNED: dict[str, Any] = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "A request that is signed by AWS Signature Version 4.",
    "x-amazon-apigateway-authtype": "awsSigv4",
}
_SCHEMES: Mapping[str, Mapping[str, Any]] = {
    "iam": {"sigv4": _SIGNED},
    "jwt": {"bearer": _BEARER},
    "key": {"bearer": _BEARER, "apiKey": _API_KEY},
}
PUBLIC = frozenset({"getOpenApi", "getAsyncApi", "getDocs", "getModule"})
"""Operations for which nobody is asked for a credential; the gateway has a route for each."""

_REFUSALS: dict[str, Any] = {
    "401": {"$ref": "#/components/responses/Unauthorized"},
    "403": {"$ref": "#/components/responses/Forbidden"},
}


def schemes_of(auth: str) -> Mapping[str, Any]:
    """The kinds of credentials that a deployment with this `AUTH` takes; none, where no authorizer decides."""
    return _SCHEMES.get(auth, {})


def secured(paths: Mapping[str, Mapping[str, Any]], auth: str) -> Mapping[str, Any]:
    """The calls with what they need of a credential, and how they refuse one.

    Args:
        paths: The calls, as the document has them.
        auth: The deployment's `AUTH`.
    """
    schemes = schemes_of(auth)
    if not schemes:
        return paths
    return {
        path: {method: _secured(operation, schemes) for method, operation in item.items()}
        for path, item in paths.items()
    }


def _secured(operation: Mapping[str, Any], schemes: Mapping[str, Any]) -> Mapping[str, Any]:
    # OpenAPI 3.1, Security Requirement Object: any of the list will do, with all that is named in it.
    if operation["operationId"] in PUBLIC:
        return {**operation, "security": []}
    # IAM's policies name paths, not scopes.
    scopes = [[scope] for scope in SCOPES[operation["operationId"]] if "sigv4" not in schemes] or [[]]
    security = [{scheme: one} for scheme in schemes for one in scopes]
    return {**operation, "security": security, "responses": {**operation["responses"], **_REFUSALS}}
