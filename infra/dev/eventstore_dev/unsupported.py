"""What a template asks for and would be silently wrong here: events that never come, code that never runs, open doors.

Rules: AWS SAM Developer Guide, "EventSource", "ApiAuth", "ApiFunctionAuth", "WebSocketApiRoute"; CloudFormation
Template Reference, "AWS::ApiGatewayV2::Route"; API Gateway Developer Guide, "OpenAPI extensions for API Gateway".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from eventstore_dev.cloudformation import is_true
from eventstore_dev.template_file import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from eventstore_dev.cloudformation import Document, Resource

__all__ = ["EVENT_SOURCES", "Kind", "Unsupported", "UnsupportedError", "find_unsupported", "require_supported"]

EVENT_SOURCES = frozenset({"Api", "SQS", "Schedule", "ScheduleV2"})
"""The types of a function's events that are emulated."""

# Resources that call functions, or are functions themselves, and that nothing here reads.
_CALLERS = frozenset(
    {
        "AWS::ApiGateway::RestApi",
        "AWS::Events::Rule",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Lambda::Url",
        "AWS::Pipes::Pipe",
        "AWS::SNS::Subscription",
        "AWS::Scheduler::Schedule",
        "AWS::Serverless::GraphQLApi",
        "AWS::Serverless::HttpApi",
        "AWS::Serverless::StateMachine",
        "AWS::StepFunctions::StateMachine",
    }
)
_AUTHORIZER = "x-amazon-apigateway-authorizer"


class Kind(StrEnum):
    """What can be let through."""

    AUTH = "auth"
    """Who may call is not asked: everyone may."""
    EVENTS = "events"
    """The function is not called by it."""
    RUNTIMES = "runtimes"
    """The function is not there."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """One thing of a template that is not emulated.

    Attributes:
        at: Its place in the template.
        what: Its name, and what would become of it.
    """

    kind: Kind
    at: str
    what: str

    def __str__(self) -> str:
        """The place, and the thing."""
        return f"{self.at}: {self.what}"


class UnsupportedError(TemplateError):
    """The template asks for what the stack does not emulate; the message names all of it."""

    @classmethod
    def of(cls, refused: Collection[Unsupported]) -> Self:
        """Name each, and the option that starts the stack without it."""
        kinds = ",".join(sorted({one.kind for one in refused}))
        lines = "\n".join(f"  {one}" for one in refused)
        return cls(
            f"The template asks for what the local stack does not emulate:\n{lines}\n"
            f"To start without it: --allow-unsupported {kinds}, or allow_unsupported in [tool.eventstore_dev] of the "
            "pyproject.toml beside the template"
        )


def require_supported(found: Collection[Unsupported], *, allowed: Collection[Kind]) -> None:
    """Refuse what is not emulated.

    Args:
        found: What the template has of it.
        allowed: The kinds that are let through.

    Raises:
        UnsupportedError: There is something of another kind.
    """
    refused = [one for one in found if one.kind not in allowed]
    if refused:
        raise UnsupportedError.of(refused)


def find_unsupported(document: Document) -> tuple[Unsupported, ...]:
    """Return what a template asks for that is not emulated and that nothing else would show."""
    return tuple(found for resource in document.resources.values() for found in _of_resource(document, resource))


def _of_resource(document: Document, resource: Resource) -> Iterator[Unsupported]:
    if resource.kind in _CALLERS:
        yield Unsupported(Kind.EVENTS, resource.name, f"{resource.kind} is not emulated")
    elif resource.kind in _READERS:
        yield from _READERS[resource.kind](document, resource)


def _of_function(document: Document, resource: Resource) -> Iterator[Unsupported]:
    name, properties = resource.name, document.merged("Function", resource.properties)
    if document.optional(properties.get("PackageType"), at=f"{name}.PackageType") == "Image":
        yield Unsupported(Kind.RUNTIMES, f"{name}.PackageType", "functions of images do not run")
    runtime = document.optional(properties.get("Runtime"), at=f"{name}.Runtime")
    if runtime is not None and not str(runtime).startswith("python"):
        yield Unsupported(Kind.RUNTIMES, f"{name}.Runtime", f"{runtime} does not run; only Python does")
    if "FunctionUrlConfig" in properties:
        yield Unsupported(Kind.EVENTS, f"{name}.FunctionUrlConfig", "function URLs are not served")
    for event, about in (properties.get("Events") or {}).items():
        at, kind, own = f"{name}.Events.{event}", about["Type"], about.get("Properties") or {}
        if kind not in EVENT_SOURCES:
            yield Unsupported(Kind.EVENTS, at, f"events of the type {kind} do not come")
        if kind == "SQS" and own.get("FilterCriteria") is not None:
            yield Unsupported(Kind.EVENTS, f"{at}.FilterCriteria", "every message comes, whatever it holds")
        if kind == "Api":
            yield from _of_auth(document.optional(own.get("Auth"), at=f"{at}.Auth"), "Authorizer", at=at)


def _of_api(document: Document, resource: Resource) -> Iterator[Unsupported]:
    name, properties = resource.name, document.merged("Api", resource.properties)
    if "DefinitionUri" in properties:
        yield Unsupported(Kind.EVENTS, f"{name}.DefinitionUri", "its routes are not served; DefinitionBody's are")
    yield from _of_auth(document.optional(properties.get("Auth"), at=f"{name}.Auth"), "DefaultAuthorizer", at=name)
    body = document.optional(properties.get("DefinitionBody"), at=f"{name}.DefinitionBody") or {}
    yield from _of_definition(body, at=f"{name}.DefinitionBody")


def _of_definition(body: Mapping[str, Any], *, at: str) -> Iterator[Unsupported]:
    if "x-amazon-apigateway-policy" in body:
        yield Unsupported(Kind.AUTH, f"{at}.x-amazon-apigateway-policy", "the resource policy is not held")
    if body.get("security"):
        yield Unsupported(Kind.AUTH, f"{at}.security", "only the security of operations is asked for")
    operations = [
        operation
        for path in (body.get("paths") or {}).values()
        for operation in path.values()
        if isinstance(operation, Mapping)
    ]
    wanted = {name for operation in operations for one in operation.get("security") or () for name in one}
    schemes = (body.get("components") or {}).get("securitySchemes") or {}
    for name, scheme in schemes.items():
        authorizer = scheme.get(_AUTHORIZER)
        kind = str((authorizer or {}).get("type", "request")).lower()
        if name in wanted and (authorizer is None or kind != "request"):
            named = scheme.get("x-amazon-apigateway-authtype") or scheme.get("type") if authorizer is None else kind
            yield Unsupported(Kind.AUTH, f"{at}.securitySchemes.{name}", f"{named} is not asked for")


def _of_websocket_api(document: Document, resource: Resource) -> Iterator[Unsupported]:
    name, properties = resource.name, {**document.globals("WebSocketApi"), **resource.properties}
    auth = document.optional(properties.get("Auth"), at=f"{name}.Auth") or {}
    if auth.get("AuthType", "NONE") != "NONE":
        yield Unsupported(Kind.AUTH, f"{name}.Auth", f"{auth['AuthType']} is not asked for")
    for key, route in (properties.get("Routes") or {}).items():
        if is_true(document.optional(route.get("ApiKeyRequired"), at=f"{name}.Routes.{key}.ApiKeyRequired")):
            yield Unsupported(Kind.AUTH, f"{name}.Routes.{key}.ApiKeyRequired", "API keys are not asked for")


def _of_plain_api(document: Document, resource: Resource) -> Iterator[Unsupported]:
    if _value(document, resource, "ProtocolType") != "WEBSOCKET":
        yield Unsupported(Kind.EVENTS, resource.name, f"HTTP APIs ({resource.kind}) are not served")


def _of_plain_integration(document: Document, resource: Resource) -> Iterator[Unsupported]:
    kind = _value(document, resource, "IntegrationType") or "AWS_PROXY"
    if kind != "AWS_PROXY":
        yield Unsupported(Kind.EVENTS, f"{resource.name}.IntegrationType", f"{kind} is served as AWS_PROXY")


def _of_plain_route(document: Document, resource: Resource) -> Iterator[Unsupported]:
    how = _value(document, resource, "AuthorizationType") or "NONE"
    if how not in {"NONE", "CUSTOM"}:
        yield Unsupported(Kind.AUTH, f"{resource.name}.AuthorizationType", f"{how} is not asked for")
    if is_true(_value(document, resource, "ApiKeyRequired")):
        yield Unsupported(Kind.AUTH, f"{resource.name}.ApiKeyRequired", "API keys are not asked for")


def _of_bucket(_: Document, resource: Resource) -> Iterator[Unsupported]:
    if "NotificationConfiguration" in resource.properties:
        yield Unsupported(Kind.EVENTS, f"{resource.name}.NotificationConfiguration", "nothing is notified")


def _of_auth(auth: Mapping[str, Any] | None, member: str, *, at: str) -> Iterator[Unsupported]:
    """Name what SAM's `Auth` of an API or of a route asks for.

    Args:
        auth: Its value, if there is one.
        member: What names the authorizer in it.
        at: The place of the API or the route.
    """
    auth = auth or {}
    authorizer = auth.get(member)
    if authorizer not in {None, "NONE"}:
        yield Unsupported(Kind.AUTH, f"{at}.Auth.{member}", f"{authorizer} is not asked")
    if is_true(auth.get("ApiKeyRequired")):
        yield Unsupported(Kind.AUTH, f"{at}.Auth.ApiKeyRequired", "API keys are not asked for")
    if auth.get("ResourcePolicy"):
        yield Unsupported(Kind.AUTH, f"{at}.Auth.ResourcePolicy", "the resource policy is not held")


def _value(document: Document, resource: Resource, name: str) -> Any:  # noqa: ANN401 - a property's type is its own
    return document.optional(resource.properties.get(name), at=f"{resource.name}.{name}")


_READERS: Mapping[str, Callable[[Document, Resource], Iterator[Unsupported]]] = {
    "AWS::ApiGatewayV2::Api": _of_plain_api,
    "AWS::ApiGatewayV2::Integration": _of_plain_integration,
    "AWS::ApiGatewayV2::Route": _of_plain_route,
    "AWS::S3::Bucket": _of_bucket,
    "AWS::Serverless::Api": _of_api,
    "AWS::Serverless::Function": _of_function,
    "AWS::Serverless::WebSocketApi": _of_websocket_api,
}
