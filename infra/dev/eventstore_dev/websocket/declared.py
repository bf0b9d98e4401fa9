"""The WebSocket APIs that a template declares.

Rules: AWS SAM Developer Guide, "AWS::Serverless::WebSocketApi" and "WebSocketApiRoute"; CloudFormation Template
Reference, "AWS::ApiGatewayV2::RouteResponse"; API Gateway Developer Guide, "WebSocket route selection expressions" and
"Set up route responses for WebSocket APIs in API Gateway".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eventstore_dev.cloudformation import Document, Resource, TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONNECT, DISCONNECT, DEFAULT = _PREDEFINED = ("$connect", "$disconnect", "$default")
_API, _ROUTE_RESPONSE = "AWS::Serverless::WebSocketApi", "AWS::ApiGatewayV2::RouteResponse"
_SELECTION = re.compile(r"\$(?:request\.body\.([\w.-]+)|\{request\.body\.([\w.-]+)\})")
_OF_AN_API = ("RouteSelectionExpression", "StageName", "Routes")
_LEAST_MS, _MOST_MS = 50, 29_000


@dataclass(frozen=True, slots=True)
class WebSocketRoute:
    """What a message, or a connection's beginning or end, leads to.

    Attributes:
        function: The logical id of the function behind it.
        seconds: Its `IntegrationTimeout`, if the template has it.
        answers: Whether it has a route response, so that what the function returns goes to the client.
    """

    key: str
    function: str
    seconds: float | None = None
    answers: bool = False


@dataclass(frozen=True, slots=True)
class WebSocketApi:
    """An API of API Gateway's WebSocket kind.

    Attributes:
        selection: Where in a JSON message the key of its route stands, one name a level.
        routes: By key.
    """

    name: str
    stage: str
    selection: tuple[str, ...]
    routes: Mapping[str, WebSocketRoute]

    def select(self, message: str) -> WebSocketRoute | None:
        """The route of a message: what it names itself, else `$default`, else none."""
        try:
            found: object = json.loads(message)
        except (ValueError, RecursionError):
            found = None
        for name in self.selection:
            found = found.get(name) if isinstance(found, dict) else None
        # The predefined routes are not the client's to name.
        named = self.routes.get(found) if isinstance(found, str) and found not in _PREDEFINED else None
        return named or self.routes.get(DEFAULT)


def read_websocket_apis(document: Document, *, functions: Mapping[str, str]) -> dict[str, WebSocketApi]:
    """Reads the WebSocket APIs of a template, by logical id.

    Args:
        document: The template.
        functions: Logical ids, by all the names that an ARN may call a function.

    Raises:
        TemplateError: One cannot be deployed; the message names the place and what would be right.
    """
    apis: dict[str, WebSocketApi] = {}
    generated: dict[str, tuple[str, str]] = {}
    for resource in document.resources.values():
        if resource.kind == _API:
            apis[resource.name] = api = _read(document, resource, functions)
            generated |= {route_id(api.name, key): (api.name, key) for key in api.routes}
    document.admit(generated)
    for resource in document.resources.values():
        if resource.kind == _ROUTE_RESPONSE:
            name, key = _answered(document, resource, generated)
            routes = {**apis[name].routes, key: replace(apis[name].routes[key], answers=True)}
            apis[name] = replace(apis[name], routes=routes)
    _require_stages_of_their_own(apis.values())
    return apis


def route_id(api: str, key: str) -> str:
    """The logical id that SAM gives to the `AWS::ApiGatewayV2::Route` which it makes of a route.

    Raises:
        TemplateError: SAM makes none of this key.
    """
    if key not in _PREDEFINED and not key.isalnum():
        raise TemplateError(f"{api}.Routes: the key {key!r} must be letters and digits, or {', '.join(_PREDEFINED)}")
    return f"{api}{key.removeprefix('$').capitalize()}Route"


def _read(document: Document, resource: Resource, functions: Mapping[str, str]) -> WebSocketApi:
    name = resource.name
    own = {**document.globals("WebSocketApi"), **resource.properties}
    properties = document.resolve({key: own[key] for key in _OF_AN_API if key in own}, at=name)
    routes = properties.get("Routes")
    if not routes:
        raise TemplateError(f"{name} has no Routes; a WebSocket API must have at least one")
    expression = str(properties.get("RouteSelectionExpression", ""))
    selection = _SELECTION.fullmatch(expression)
    if selection is None:
        raise TemplateError(
            f"{name}.RouteSelectionExpression is {expression!r}; the local stack knows $request.body.NAME, which may "
            "have dots"
        )
    stage = str(properties.get("StageName", "default"))
    if stage == DEFAULT:
        raise TemplateError(f"{name}.StageName is $default, which a WebSocket API cannot have")
    return WebSocketApi(
        name=name,
        stage=stage,
        selection=tuple((selection[1] or selection[2]).split(".")),
        routes={key: _route(key, about, functions, at=f"{name}.Routes.{key}") for key, about in routes.items()},
    )


def _route(key: str, about: Mapping[str, Any], functions: Mapping[str, str], *, at: str) -> WebSocketRoute:
    # arn:aws:lambda:REGION:ACCOUNT:function:NAME, perhaps with a qualifier
    parts = str(about.get("FunctionArn", "")).split(":")
    called = parts[6] if len(parts) > 6 else parts[0]  # noqa: PLR2004 - see above
    if called not in functions:
        raise TemplateError(f"{at}.FunctionArn leads to {called!r}, which is no function of this template")
    timeout = about.get("IntegrationTimeout")
    if timeout is not None and not _LEAST_MS <= int(timeout) <= _MOST_MS:
        raise TemplateError(f"{at}.IntegrationTimeout is {timeout}; it must be {_LEAST_MS} to {_MOST_MS} milliseconds")
    return WebSocketRoute(key, functions[called], None if timeout is None else int(timeout) / 1000)


def _answered(document: Document, resource: Resource, generated: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    properties = document.resolve(resource.properties, at=resource.name)
    if properties.get("RouteResponseKey") != DEFAULT:
        raise TemplateError(f"{resource.name}.RouteResponseKey must be $default, the only one that there is")
    api, route = properties.get("ApiId"), properties.get("RouteId")
    if route not in generated or generated[route][0] != api:
        known = ", ".join(name for name, (owner, _) in generated.items() if owner == api) or "none"
        raise TemplateError(f"{resource.name}.RouteId is {route!r}, which is no route of {api}; those are {known}")
    return generated[route]


def _require_stages_of_their_own(apis: Iterable[WebSocketApi]) -> None:
    owners: dict[str, str] = {}
    for api in apis:
        other = owners.setdefault(api.stage, api.name)
        if other != api.name:
            raise TemplateError(
                f"{other} and {api.name} have the same StageName, {api.stage}; here it tells WebSocket APIs apart"
            )
