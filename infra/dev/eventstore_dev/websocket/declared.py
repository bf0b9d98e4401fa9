"""The WebSocket APIs that a template declares.

Rules: AWS SAM Developer Guide, "AWS::Serverless::WebSocketApi" and "WebSocketApiRoute"; CloudFormation Template
Reference, "AWS::ApiGatewayV2::RouteResponse"; API Gateway Developer Guide, "WebSocket route selection expressions" and
"Set up route responses for WebSocket APIs in API Gateway".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eventstore_dev.aws_names import function_name
from eventstore_dev.template_file import TemplateError
from eventstore_dev.websocket.api import (
    CONNECT,
    DEFAULT,
    DISCONNECT,
    PREDEFINED,
    WebSocketApi,
    WebSocketRoute,
    seconds,
    selection,
)
from eventstore_dev.websocket.plain import read_plain_apis

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eventstore_dev.cloudformation import Document, Resource

__all__ = ["CONNECT", "DEFAULT", "DISCONNECT", "WebSocketApi", "WebSocketRoute", "read_websocket_apis", "route_id"]

_API, _ROUTE_RESPONSE = "AWS::Serverless::WebSocketApi", "AWS::ApiGatewayV2::RouteResponse"
_OF_AN_API = ("RouteSelectionExpression", "StageName", "Routes")


def read_websocket_apis(document: Document, *, functions: Mapping[str, str]) -> dict[str, WebSocketApi]:
    """Reads the WebSocket APIs of a template, by logical id.

    Args:
        document: The template.
        functions: Logical ids, by all the names that an ARN may call a function.

    Raises:
        TemplateError: One cannot be deployed; the message names the place and what would be right.
    """
    apis, named = read_plain_apis(document, functions=functions)
    generated: dict[str, tuple[str, str]] = {}
    for resource in document.resources.values():
        if resource.kind == _API:
            apis[resource.name] = api = _read(document, resource, functions)
            generated |= {route_id(api.name, key): (api.name, key) for key in api.routes}
    document.admit(generated)
    for resource in document.resources.values():
        if resource.kind == _ROUTE_RESPONSE:
            name, key = _answered(document, resource, named | generated)
            routes = {**apis[name].routes, key: replace(apis[name].routes[key], answers=True)}
            apis[name] = replace(apis[name], routes=routes)
    _require_stages_of_their_own(apis.values())
    return apis


def route_id(api: str, key: str) -> str:
    """The logical id that SAM gives to the `AWS::ApiGatewayV2::Route` which it makes of a route.

    Raises:
        TemplateError: SAM makes none of this key.
    """
    if key not in PREDEFINED and not key.isalnum():
        raise TemplateError(f"{api}.Routes: the key {key!r} must be letters and digits, or {', '.join(PREDEFINED)}")
    return f"{api}{key.removeprefix('$').capitalize()}Route"


def _read(document: Document, resource: Resource, functions: Mapping[str, str]) -> WebSocketApi:
    name = resource.name
    own = {**document.globals("WebSocketApi"), **resource.properties}
    properties = document.resolve({key: own[key] for key in _OF_AN_API if key in own}, at=name)
    routes = properties.get("Routes")
    if not routes:
        raise TemplateError(f"{name} has no Routes; a WebSocket API must have at least one")
    stage = str(properties.get("StageName", "default"))
    if stage == DEFAULT:
        raise TemplateError(f"{name}.StageName is $default, which a WebSocket API cannot have")
    return WebSocketApi(
        name=name,
        stage=stage,
        selection=selection(str(properties.get("RouteSelectionExpression", "")), at=name),
        routes={key: _route(key, about, functions, at=f"{name}.Routes.{key}") for key, about in routes.items()},
    )


def _route(key: str, about: Mapping[str, Any], functions: Mapping[str, str], *, at: str) -> WebSocketRoute:
    called = function_name(str(about.get("FunctionArn", "")))
    if called not in functions:
        raise TemplateError(f"{at}.FunctionArn leads to {called!r}, which is no function of this template")
    return WebSocketRoute(
        key, functions[called], seconds(about.get("IntegrationTimeout"), at=f"{at}.IntegrationTimeout")
    )


def _answered(document: Document, resource: Resource, known: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    properties = document.resolve(resource.properties, at=resource.name)
    if properties.get("RouteResponseKey") != DEFAULT:
        raise TemplateError(f"{resource.name}.RouteResponseKey must be $default, the only one that there is")
    api, route = properties.get("ApiId"), properties.get("RouteId")
    if route not in known or known[route][0] != api:
        own = ", ".join(name for name, (owner, _) in known.items() if owner == api) or "none"
        raise TemplateError(f"{resource.name}.RouteId is {route!r}, which is no route of {api}; those are {own}")
    return known[route]


def _require_stages_of_their_own(apis: Iterable[WebSocketApi]) -> None:
    owners: dict[str, str] = {}
    for api in apis:
        other = owners.setdefault(api.stage, api.name)
        if other != api.name:
            raise TemplateError(
                f"{other} and {api.name} have the same StageName, {api.stage}; here it tells WebSocket APIs apart"
            )
