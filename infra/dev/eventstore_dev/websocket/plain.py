"""The WebSocket APIs that a template declares piece by piece, as CloudFormation knows them.

Rules: CloudFormation Template Reference, "AWS::ApiGatewayV2::Api", "Stage", "Integration", "Route" and "Authorizer".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore_dev.aws_names import function_name
from eventstore_dev.template_file import TemplateError
from eventstore_dev.websocket.api import CONNECT, WebSocketApi, WebSocketRoute, seconds, selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eventstore_dev.cloudformation import Document

_KIND = "AWS::ApiGatewayV2::"
_TARGET = "integrations/"


def read_plain_apis(
    document: Document, *, functions: Mapping[str, str]
) -> tuple[dict[str, WebSocketApi], dict[str, tuple[str, str]]]:
    """Reads them, and tells which API and which key the logical id of a route stands for.

    Args:
        document: The template.
        functions: Logical ids, by all the names that an ARN may call a function.

    Raises:
        TemplateError: One cannot be deployed; the message names the place and what would be right.
    """
    pieces = _Pieces(document, functions)
    return pieces.apis(), pieces.routes


class _Pieces:
    def __init__(self, document: Document, functions: Mapping[str, str]) -> None:
        self._document = document
        self._functions = functions
        self._routes = dict(self._all("Route"))
        self.routes = {
            name: (str(about.get("ApiId")), str(about.get("RouteKey"))) for name, about in self._routes.items()
        }

    def apis(self) -> dict[str, WebSocketApi]:
        stages = {str(about.get("ApiId")): str(about.get("StageName")) for _, about in self._all("Stage")}
        apis = {}
        for name, about in self._all("Api"):
            if about.get("ProtocolType") != "WEBSOCKET":
                continue
            if name not in stages:
                raise TemplateError(f"{name} has no AWS::ApiGatewayV2::Stage, so nothing of it is deployed")
            own = {route: about for route, about in self._routes.items() if about.get("ApiId") == name}
            routes = [self._route(route, about) for route, about in own.items()]
            if not routes:
                raise TemplateError(f"{name} has no AWS::ApiGatewayV2::Route; a WebSocket API must have at least one")
            apis[name] = WebSocketApi(
                name=name,
                stage=stages[name],
                selection=selection(str(about.get("RouteSelectionExpression", "")), at=name),
                routes={route.key: route for route in routes},
                authorizer=next(
                    (self._authorizer(about) for about in own.values() if about["RouteKey"] == CONNECT), None
                ),
            )
        return apis

    def _route(self, name: str, about: Mapping[str, Any]) -> WebSocketRoute:
        target = str(about.get("Target", "")).removeprefix(_TARGET)
        integration = dict(self._all("Integration")).get(target)
        if integration is None:
            raise TemplateError(
                f"{name}.Target is {about.get('Target')!r}; it must be {_TARGET}NAME, of one that is here"
            )
        return WebSocketRoute(
            key=str(about["RouteKey"]),
            function=self._function(integration.get("IntegrationUri"), at=f"{target}.IntegrationUri"),
            seconds=seconds(integration.get("TimeoutInMillis"), at=f"{target}.TimeoutInMillis"),
        )

    def _authorizer(self, about: Mapping[str, Any]) -> str | None:
        if about.get("AuthorizationType") != "CUSTOM":
            return None
        name = str(about.get("AuthorizerId"))
        authorizer = dict(self._all("Authorizer")).get(name)
        if authorizer is None:
            raise TemplateError(f"The route {CONNECT} of {about['ApiId']} has the authorizer {name}, which is not here")
        return self._function(authorizer.get("AuthorizerUri"), at=f"{name}.AuthorizerUri")

    def _function(self, uri: object, *, at: str) -> str:
        called = function_name(str(uri))
        if called not in self._functions:
            raise TemplateError(f"{at} leads to {called!r}, which is no function of this template")
        return self._functions[called]

    def _all(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, resource in self._document.resources.items():
            if resource.kind == f"{_KIND}{kind}":
                needed = {key: value for key, value in resource.properties.items() if key in _READ}
                yield name, self._document.resolve(needed, at=name)


_READ = frozenset(
    {
        "ApiId",
        "AuthorizationType",
        "AuthorizerId",
        "AuthorizerUri",
        "IntegrationUri",
        "ProtocolType",
        "RouteKey",
        "RouteSelectionExpression",
        "StageName",
        "Target",
        "TimeoutInMillis",
    }
)
