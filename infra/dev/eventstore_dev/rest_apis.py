"""The REST APIs of a template: routes from functions' events, and from OpenAPI definitions that stand in it.

Rules: AWS SAM Developer Guide, "AWS::Serverless::Api"; API Gateway Developer Guide, "OpenAPI extensions for API
Gateway".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eventstore_dev.aws_names import api_url, function_name
from eventstore_dev.gateway_responses import GatewayResponse
from eventstore_dev.template_file import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from eventstore_dev.cloudformation import Document

_API = "AWS::Serverless::Api"
# Of a function whose Api event names no RestApiId; SAM makes it from these events.
IMPLICIT_API = "ServerlessRestApi"
METHODS = frozenset({"ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_OF_AN_API = frozenset({"BinaryMediaTypes", "DefinitionBody", "StageName"})
_ANY = "x-amazon-apigateway-any-method"
_SOURCES = ("method.request.header.", "method.request.querystring.")
# "x-amazon-apigateway-authorizer object": what authorizerResultTtlInSeconds is where it is left out.
_USUAL_SECONDS = 300
_RESPONSES = "x-amazon-apigateway-gateway-responses"
_INTEGRATION, _AUTHORIZER = "x-amazon-apigateway-integration", "x-amazon-apigateway-authorizer"


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a resource, and the logical id of the function behind it.

    Attributes:
        authorizer: The logical id of the function that is asked first, if one is.
    """

    method: str
    path: str
    function: str
    authorizer: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """By what an authorizer's answers are told apart, and for how long they are kept.

    Attributes:
        sources: Where in a request, such as `method.request.header.Authorization`; all of them must be there.
        seconds: For how long; 0 keeps none.
    """

    sources: tuple[str, ...] = ()
    seconds: float = 0


@dataclass(frozen=True, slots=True)
class RestApi:
    """An API of API Gateway's REST kind.

    Attributes:
        authorizer: The logical id of the function that is asked before routes are, if any of them has one.
        identity: Whom it is asked of.
        responses: What the gateway's own answers are, by their types.
    """

    name: str
    stage: str
    binary_media_types: tuple[str, ...]
    routes: tuple[Route, ...]
    authorizer: str | None = None
    identity: Identity = Identity()
    responses: Mapping[str, GatewayResponse] = field(default_factory=dict)

    @property
    def aws_url(self) -> str:
        """Where it would be deployed."""
        return api_url(self.name, self.stage)


def read_rest_apis(
    document: Document, events: Sequence[tuple[str, Route]], *, functions: Mapping[str, str]
) -> dict[str, RestApi]:
    """The REST APIs of a template, by logical id.

    Args:
        document: The template.
        events: The routes that functions' events ask for, each with the logical id of its API.
        functions: Logical ids, by all the names that an ARN may call a function.

    Raises:
        TemplateError: One cannot be deployed; the message names the place and what would be right.
    """
    declared = {name: one.properties for name, one in document.resources.items() if one.kind == _API}
    for name, route in events:
        if name == IMPLICIT_API:
            declared.setdefault(name, {"StageName": "Prod"})
        elif name not in declared:
            raise TemplateError(f"{route.function}: RestApiId names {name}, which is no {_API} here")
    return {
        name: _read(document, name, own, [route for owner, route in events if owner == name], functions)
        for name, own in declared.items()
    }


def _read(
    document: Document, name: str, own: Mapping[str, Any], events: Iterable[Route], functions: Mapping[str, str]
) -> RestApi:
    merged = document.merged("Api", own)
    properties = document.resolve({key: value for key, value in merged.items() if key in _OF_AN_API}, at=name)
    definition = _Definition(properties.get("DefinitionBody") or {}, functions, at=f"{name}.DefinitionBody")
    return RestApi(
        name=name,
        stage=str(properties.get("StageName", "Prod")),
        # Where ~1 stands, API Gateway's own notation has a slash.
        binary_media_types=tuple(kind.replace("~1", "/") for kind in properties.get("BinaryMediaTypes", ())),
        routes=(*definition.routes(), *events),
        authorizer=definition.authorizer(),
        identity=definition.identity(),
        responses=definition.responses(),
    )


class _Definition:
    """An OpenAPI definition with API Gateway's extensions."""

    def __init__(self, body: Mapping[str, Any], functions: Mapping[str, str], *, at: str) -> None:
        self._body = body
        self._functions = functions
        self._at = at

    def routes(self) -> Iterator[Route]:
        for path, method, operation in self._operations():
            integration = operation.get(_INTEGRATION) or {}
            if str(integration.get("type", "")).lower() != "aws_proxy":
                raise TemplateError(f"{self._at}: {method} {path} needs an {_INTEGRATION} of the type aws_proxy")
            function = self._function(str(integration.get("uri", "")), at=f"{method} {path}")
            yield Route(method, path, function, self._asked(operation))

    def authorizer(self) -> str | None:
        asked = {self._asked(operation) for _, _, operation in self._operations()} - {None}
        if len(asked) > 1:
            raise TemplateError(
                f"{self._at}: all operations of an API that have an authorizer must have the same one here"
            )
        return asked.pop() if asked else None

    def identity(self) -> Identity:
        declared = [about for about in map(self._declared, self._schemes()) if about is not None]
        if self.authorizer() is None or not declared:
            return Identity()
        told = str(declared[0].get("identitySource", ""))
        sources = tuple(source.strip() for source in told.split(",") if source.strip())
        for source in sources:
            if not source.lower().startswith(_SOURCES):
                raise TemplateError(f"{self._at}: identitySource has {source}; the local stack knows {_SOURCES}")
        return Identity(sources, float(declared[0].get("authorizerResultTtlInSeconds", _USUAL_SECONDS)))

    def responses(self) -> Mapping[str, GatewayResponse]:
        declared = self._body.get(_RESPONSES) or {}
        return {str(name): GatewayResponse.read(one, at=f"{self._at}: {name}") for name, one in declared.items()}

    def _schemes(self) -> Mapping[str, Any]:
        return (self._body.get("components") or {}).get("securitySchemes") or {}

    def _declared(self, scheme: str) -> Mapping[str, Any] | None:
        """The authorizer of a scheme; None if it has none, or one of a type that is not asked (`unsupported`)."""
        declared: Mapping[str, Any] = self._schemes()[scheme].get(_AUTHORIZER) or {}
        return declared if str(declared.get("type", "request")).lower() == "request" and declared else None

    def _operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        for path, operations in (self._body.get("paths") or {}).items():
            for method, operation in operations.items():
                if method == _ANY or method.upper() in METHODS:
                    yield path, "ANY" if method == _ANY else method.upper(), operation

    def _asked(self, operation: Mapping[str, Any]) -> str | None:
        schemes = self._schemes()
        for name in [name for one in operation.get("security") or () for name in one]:
            if name not in schemes:
                raise TemplateError(f"{self._at}: security names {name}, which is none of its securitySchemes")
            declared = self._declared(name)
            if declared is not None:
                return self._function(str(declared.get("authorizerUri", "")), at=name)
        return None

    def _function(self, uri: str, *, at: str) -> str:
        called = function_name(uri)
        if called not in self._functions:
            raise TemplateError(f"{self._at}: {at} leads to {called!r}, which is no function of this template")
        return self._functions[called]
