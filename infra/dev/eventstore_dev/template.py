"""`template.yaml`, read as CloudFormation and SAM would: what there is, resolved to plain values.

Routes, handlers, environments, timeouts and memory come from here and from nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Function", "Route", "Template", "TemplateError"]

_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
_PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Region": "us-east-1",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "flunq-eventstore",
}


class TemplateError(ValueError):
    """The template cannot be run; the message says which part, and why."""


@dataclass(frozen=True, slots=True)
class Function:
    """An `AWS::Serverless::Function`, with the template's Globals merged in.

    Attributes:
        name: Its logical id.
        handler: `module.attribute`, found in `task_root` or in a layer.
        task_root: Its CodeUri.
        layers: Folders that Lambda would unpack to /opt, each with its `python/` if it has one.
        environment: Its variables.
        timeout: In seconds.
        memory: In MB; it is passed on, and not enforced.
    """

    name: str
    handler: str
    task_root: Path
    layers: tuple[Path, ...]
    environment: Mapping[str, str]
    timeout: float
    memory: int


@dataclass(frozen=True, slots=True)
class Route:
    """A method and resource of a REST API, and the function that it is integrated with."""

    method: str
    resource: str
    function: str


@dataclass(frozen=True, slots=True)
class Template:
    """The parts of a template that this stack runs."""

    path: Path
    functions: Mapping[str, Function]
    routes: tuple[Route, ...]
    binary_media_types: tuple[str, ...]
    stage: str

    @classmethod
    def load(cls, path: Path, *, parameters: Mapping[str, str]) -> Template:
        """Read a template.

        Args:
            path: Where it is; CodeUri and ContentUri are relative to it.
            parameters: Values of its parameters; the others take their defaults.

        Raises:
            TemplateError: It cannot be read, a parameter has no value, or a value cannot be resolved here.
        """
        try:
            # A loader of safe values, with CloudFormation's own tags.
            document = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - it is derived from SafeLoader
        except (OSError, yaml.YAMLError) as error:
            raise TemplateError(f"{path} cannot be read: {error}") from error
        return _Reading(path, document, parameters).template()


@dataclass(slots=True)
class _Reading:
    path: Path
    document: Mapping[str, Any]
    given: Mapping[str, str]
    values: dict[str, str] = field(default_factory=dict)

    def template(self) -> Template:
        declared = self.document.get("Parameters", {})
        if unknown := sorted(set(self.given) - set(declared)):
            raise TemplateError(f"{self.path.name} has no parameter {unknown[0]!r}; it has {', '.join(declared)}")
        for name, parameter in declared.items():
            value = self.given.get(name, parameter.get("Default"))
            if value is None:
                raise TemplateError(f"the parameter {name} of {self.path.name} has no default: give it a value")
            self.values[name] = str(value)
        resources = self.document.get("Resources", {})
        functions, routes = {}, []
        for name, resource in resources.items():
            if resource["Type"] == "AWS::Serverless::Function":
                properties = self._with_globals("Function", resource["Properties"])
                functions[name] = self._function(name, properties, resources)
                routes += self._routes(name, properties)
        api = self._api(resources)
        return Template(
            self.path,
            functions,
            tuple(routes),
            tuple(self.resolved(api.get("BinaryMediaTypes", []))),
            str(self.resolved(api.get("StageName", "Prod"))),
        )

    def resolved(self, node: Any) -> Any:
        """A value without intrinsic functions; of a resource, its logical id stands for what AWS would give."""
        if isinstance(node, list):
            return [self.resolved(element) for element in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (name, value), *_ = node.items()
            if name == "Ref":
                return self._ref(value)
            if name == "Fn::Sub":
                return self._sub(value)
            if name == "Fn::GetAtt":
                return ".".join(value) if isinstance(value, list) else str(value)
            if name == "Fn::Join":
                return str(value[0]).join(map(str, self.resolved(value[1])))
            if name.startswith("Fn::"):
                raise TemplateError(f"{name} is not understood here; use Ref, Sub, GetAtt or Join")
        return {name: self.resolved(value) for name, value in node.items()}

    def _ref(self, name: str) -> str:
        known = self.values.get(name) if name in self.values else _PSEUDO.get(name)
        if known is None and name not in self.document.get("Resources", {}):
            raise TemplateError(f"Ref names {name!r}, which is neither a parameter nor a resource")
        return name if known is None else known

    def _sub(self, value: Any) -> str:
        text, extra = value if isinstance(value, list) else (value, {})
        own = {name: str(self.resolved(inner)) for name, inner in extra.items()}
        return _VARIABLE.sub(lambda m: own[m[1]] if m[1] in own else self._ref(m[1].partition(".")[0]), text)

    def _with_globals(self, section: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        # SAM: a resource's own value wins, maps are merged, lists are appended to the global ones.
        merged = dict(self.document.get("Globals", {}).get(section, {}))
        for name, value in properties.items():
            if isinstance(value, list) and isinstance(merged.get(name), list):
                merged[name] = merged[name] + value
            elif name == "Environment" and name in merged:
                merged[name] = {"Variables": {**merged[name].get("Variables", {}), **value.get("Variables", {})}}
            else:
                merged[name] = value
        return merged

    def _function(self, name: str, properties: Mapping[str, Any], resources: Mapping[str, Any]) -> Function:
        for needed in ("CodeUri", "Handler"):
            if needed not in properties:
                raise TemplateError(f"the function {name} has no {needed}")
        root = self.path.parent
        layers = []
        for layer in self.resolved(properties.get("Layers", [])):
            if resources.get(layer, {}).get("Type") != "AWS::Serverless::LayerVersion":
                raise TemplateError(f"the layer {layer!r} of {name} is none of this template's")
            layers.append(root / str(resources[layer]["Properties"]["ContentUri"]))
        variables = self.resolved(properties.get("Environment", {}).get("Variables", {}))
        return Function(
            name,
            str(self.resolved(properties["Handler"])),
            (root / str(self.resolved(properties["CodeUri"]))).resolve(),
            tuple(layer.resolve() for layer in layers),
            {variable: str(value) for variable, value in variables.items()},
            float(self.resolved(properties.get("Timeout", 3))),
            int(self.resolved(properties.get("MemorySize", 128))),
        )

    def _routes(self, name: str, properties: Mapping[str, Any]) -> list[Route]:
        return [
            Route(str(event["Properties"]["Method"]).upper(), str(event["Properties"]["Path"]), name)
            for event in properties.get("Events", {}).values()
            if event["Type"] == "Api"
        ]

    def _api(self, resources: Mapping[str, Any]) -> dict[str, Any]:
        for resource in resources.values():
            if resource["Type"] == "AWS::Serverless::Api":
                return self._with_globals("Api", resource["Properties"])
        return self._with_globals("Api", {})


class _Loader(yaml.SafeLoader):
    pass


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    name = "Ref" if suffix == "Ref" else "Condition" if suffix == "Condition" else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {name: loader.construct_mapping(node, deep=True)}
    raise TemplateError(f"the tag !{suffix} stands at {node}, where none can")


_Loader.add_multi_constructor("!", _intrinsic)  # type: ignore[no-untyped-call]
