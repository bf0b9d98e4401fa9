"""What a SAM template asks for: functions, and the APIs that lead to them.

Rules: AWS SAM Developer Guide, "Globals section of the AWS SAM template", "AWS::Serverless::Function", "Api" and
"AWS::Serverless::Api". Another kind of event source is another branch of `Template.read`, over the same `Document`;
those of queues and schedules are read in `queues.declared` and `schedules`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventstore_dev.aws_names import arn
from eventstore_dev.cloudformation import Document, Resource
from eventstore_dev.passed_over import PassedOver, find_passed_over
from eventstore_dev.queues.declared import EventSourceMapping, Queue, read_mapping, read_queues
from eventstore_dev.rest_apis import IMPLICIT_API, METHODS, RestApi, Route, read_rest_apis
from eventstore_dev.schedules import Schedule, read_schedule
from eventstore_dev.template_file import TemplateError
from eventstore_dev.unsupported import Kind, Unsupported, find_unsupported, require_supported
from eventstore_dev.websocket.declared import read_websocket_apis

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from eventstore_dev.websocket.declared import WebSocketApi

__all__ = ["Function", "RestApi", "Route", "Template", "TemplateError"]


@dataclass(frozen=True, slots=True)
class Function:
    """A function as Lambda would run it.

    Attributes:
        name: Its `FunctionName`, or else its logical id.
        task_root: The folder that `CodeUri` names.
        layers: The `ContentUri` folders of its layers, in order.
        timeout: Seconds.
        memory: Megabytes.
        concurrency: `ReservedConcurrentExecutions`, if the template has it.
    """

    logical_id: str
    name: str
    handler: str
    task_root: Path
    layers: tuple[Path, ...]
    environment: tuple[tuple[str, str], ...]
    timeout: float
    memory: int
    concurrency: int | None

    @property
    def arn(self) -> str:
        """What names it among all functions."""
        return arn("AWS::Serverless::Function", self.name)

    @property
    def sources(self) -> tuple[Path, ...]:
        """The folders whose change changes what it does."""
        package = self.handler.replace("/", ".").split(".")[:-2]
        return (self.task_root.joinpath(*package), *self.layers)


@dataclass(frozen=True, slots=True)
class Template:
    """All that the local stack runs. Functions, APIs and queues are keyed by logical id.

    Attributes:
        unsupported: What the template asks for and does not get here, though it was let through.
        passed_over: What of it has no counterpart here.
    """

    path: Path
    functions: Mapping[str, Function]
    apis: Mapping[str, RestApi]
    websockets: Mapping[str, WebSocketApi]
    queues: Mapping[str, Queue]
    mappings: tuple[EventSourceMapping, ...]
    schedules: tuple[Schedule, ...]
    unsupported: tuple[Unsupported, ...]
    passed_over: PassedOver

    @property
    def guarded(self) -> frozenset[str]:
        """The functions to which an API leads that asks an authorizer first, by logical id."""
        rest = {route.function for api in self.apis.values() if api.authorizer for route in api.routes}
        sockets = (api.routes.values() for api in self.websockets.values() if api.authorizer)
        return frozenset(rest | {route.function for routes in sockets for route in routes})

    @classmethod
    def read(
        cls,
        path: Path,
        *,
        parameters: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        allowed: Collection[Kind] = frozenset(Kind),
    ) -> Template:
        """Reads a template as it would be deployed with the parameters.

        Args:
            path: The template's file.
            parameters: Values for its parameters, over their defaults.
            variables: Of the environment of every function, over those of the template.
            allowed: What is read as if it were not there; anything else that is not emulated is refused.

        Raises:
            UnsupportedError: It asks for what is not emulated here.
            TemplateError: It cannot be deployed here; the message names the place and what would be right.
        """
        document = Document.read(path.resolve(), parameters=parameters or {})
        unsupported = find_unsupported(document)
        require_supported(unsupported, allowed=allowed)
        # A function whose code cannot run here is not there.
        absent = {found.at.partition(".")[0] for found in unsupported if found.kind is Kind.RUNTIMES}
        functions, routes = {}, {}
        queues = read_queues(document)
        mappings: list[EventSourceMapping] = []
        schedules: list[Schedule] = []
        for resource in document.resources.values():
            if resource.kind == "AWS::Serverless::Function" and resource.name not in absent:
                reading = _FunctionReading(document, resource)
                functions[resource.name] = reading.function(variables or {})
                routes[resource.name] = reading.routes()
                mappings += reading.mappings(queues.values())
                schedules += reading.schedules()
        called = {name: one.logical_id for one in functions.values() for name in (one.logical_id, one.name)}
        apis = read_rest_apis(document, [pair for pairs in routes.values() for pair in pairs], functions=called)
        websockets = read_websocket_apis(document, functions=called)
        return cls(
            document.path,
            functions,
            apis,
            websockets,
            queues,
            tuple(mappings),
            tuple(schedules),
            unsupported,
            find_passed_over(document),
        )


@dataclass(frozen=True, slots=True)
class _Event:
    """What calls a function; `at` is what its place is called in an error."""

    name: str
    kind: str
    properties: Mapping[str, Any]
    at: str


class _FunctionReading:
    """One function's properties, with the Globals merged in."""

    def __init__(self, document: Document, resource: Resource) -> None:
        self._document = document
        self._name = resource.name
        self._properties = document.merged("Function", resource.properties)

    def function(self, own: Mapping[str, str]) -> Function:
        variables = {**self._get("Environment", {}).get("Variables", {}), **own}
        limit = self._get("ReservedConcurrentExecutions", None)
        return Function(
            logical_id=self._name,
            name=str(self._get("FunctionName", self._name)),
            handler=self._handler(),
            task_root=_folder(self._document, self._need("CodeUri"), at=f"{self._name}.CodeUri"),
            layers=tuple(self._layer(name) for name in self._get("Layers", [])),
            environment=tuple((name, _text(value)) for name, value in variables.items()),
            timeout=float(self._get("Timeout", 3)),
            memory=int(self._get("MemorySize", 128)),
            concurrency=None if limit is None else int(limit),
        )

    def routes(self) -> list[tuple[str, Route]]:
        found = []
        for event in self._events("Api"):
            at, properties = event.at, event.properties
            for needed in ("Method", "Path"):
                if needed not in properties:
                    raise TemplateError(f"{at} has no {needed}")
            method, path = str(properties["Method"]).upper(), str(properties["Path"])
            if method not in METHODS:
                raise TemplateError(f"{at}: the method {method} is none of {', '.join(sorted(METHODS))}")
            if not path.startswith("/"):
                raise TemplateError(f"{at}: the path {path!r} must start with /")
            found.append((str(properties.get("RestApiId", IMPLICIT_API)), Route(method, path, self._name)))
        return found

    def mappings(self, queues: Iterable[Queue]) -> list[EventSourceMapping]:
        timeout = float(self._get("Timeout", 3))
        return [
            read_mapping(event.properties, at=event.at, function=self._name, timeout=timeout, queues=queues)
            for event in self._events("SQS")
        ]

    def schedules(self) -> list[Schedule]:
        return [
            read_schedule(event.properties, at=event.at, name=event.name, kind=event.kind, function=self._name)
            for event in self._events("Schedule", "ScheduleV2")
        ]

    def _events(self, *kinds: str) -> Iterator[_Event]:
        for name, event in (self._properties.get("Events") or {}).items():
            if event["Type"] in kinds:
                at = f"{self._name}.Events.{name}"
                yield _Event(name, event["Type"], self._document.resolve(event.get("Properties") or {}, at=at), at)

    def _get(self, name: str, otherwise: Any) -> Any:  # noqa: ANN401 - a property's type is its own
        if name not in self._properties:
            return otherwise
        return self._document.optional(self._properties[name], at=f"{self._name}.{name}", otherwise=otherwise)

    def _need(self, name: str) -> Any:  # noqa: ANN401 - a property's type is its own
        found = self._get(name, None)
        if found is None:
            raise TemplateError(f"The function {self._name} has no {name}, and Globals.Function has none")
        return found

    def _handler(self) -> str:
        handler = str(self._need("Handler"))
        if "." not in handler:
            raise TemplateError(f"{self._name}.Handler is {handler!r}; it must be module.function")
        return handler

    def _layer(self, name: str) -> Path:
        layer = self._document.resources.get(name)
        if layer is None or layer.kind != "AWS::Serverless::LayerVersion":
            raise TemplateError(f"{self._name}.Layers names {name}, which is no layer of this template")
        return _folder(self._document, layer.properties.get("ContentUri"), at=f"{name}.ContentUri")


def _folder(document: Document, uri: Any, *, at: str) -> Path:  # noqa: ANN401 - it may be an intrinsic function
    place = document.resolve(uri, at=at)
    if not isinstance(place, str) or place.startswith("s3://"):
        raise TemplateError(f"{at} is {place!r}; it must be a folder beside the template")
    folder = (document.path.parent / place).resolve()
    if not folder.is_dir():
        raise TemplateError(f"{at}: there is no folder {folder}")
    return folder


def _text(value: object) -> str:
    # CloudFormation hands every variable over as text, and truth values in YAML's spelling.
    return str(value).lower() if isinstance(value, bool) else str(value)
