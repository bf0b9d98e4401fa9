"""A CloudFormation template: its parameters settled, its intrinsic functions worked out.

Rules: AWS CloudFormation User Guide, "Intrinsic function reference", "Parameters" and "Pseudo parameters reference".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# What stands in a template's tree: text, numbers, truth values, lists and mappings of these.
Node: TypeAlias = Any

ACCOUNT = "123456789012"
REGION = "us-east-1"
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/local/1",
    "AWS::StackName": "local",
    "AWS::URLSuffix": "amazonaws.com",
}
QUEUE = "AWS::SQS::Queue"
_NO_VALUE = object()
_PLACE = re.compile(r"\$\{([^}]*)\}")
_SHORT_FORMS = {"Ref": "Ref", "Condition": "Condition"}
_FUNCTION = re.compile(r":function:([^:/]+)")


class TemplateError(Exception):
    """The template cannot be used; the message names the place, what is wrong and what would be right."""


class _Loader(yaml.SafeLoader):
    """Plain YAML, and the short forms of intrinsic functions."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)  # noqa: S101 - YAML has three kinds of node
        value = loader.construct_mapping(node, deep=True)
    return {_SHORT_FORMS.get(suffix, f"Fn::{suffix}"): value}


_Loader.add_multi_constructor("!", _short_form)


@dataclass(frozen=True, slots=True)
class Resource:
    """One entry of `Resources`, its properties as they stand in the file."""

    name: str
    kind: str
    properties: Mapping[str, Any]


class Document:
    """A template as it would be deployed with the given parameters.

    Intrinsic functions are worked out where a value is asked for, so that one which cannot be worked out here hurts
    only those who need it.
    """

    def __init__(self, tree: Mapping[str, Any], *, path: Path, parameters: Mapping[str, str]) -> None:
        self.path = path
        self._tree = tree
        self._parameters = _settle(tree.get("Parameters") or {}, given=parameters)
        self._generated: set[str] = set()
        self.resources = {
            name: Resource(name, entry["Type"], entry.get("Properties") or {})
            for name, entry in (tree.get("Resources") or {}).items()
            if self._deployed(entry)
        }

    @classmethod
    def read(cls, path: Path, *, parameters: Mapping[str, str]) -> Document:
        """Reads a template.

        Raises:
            TemplateError: The file is missing or is no template, or a parameter has no value or a forbidden one.
        """
        tree = load(path)
        return cls(tree, path=path, parameters=parameters)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Every parameter with the value it has now."""
        return self._parameters

    def has(self, section: str) -> bool:
        """Whether the template has such a section, and something in it."""
        return bool(self._tree.get(section))

    def globals(self, section: str) -> Mapping[str, Any]:
        """A section of SAM's `Globals`, as it stands in the file."""
        found: Mapping[str, Any] = (self._tree.get("Globals") or {}).get(section) or {}
        return found

    def merged(self, section: str, own: Mapping[str, Any]) -> dict[str, Any]:
        """A resource's own properties over those of a section of `Globals`, as SAM merges them.

        Mappings are merged key by key, lists follow one another, anything else is the resource's own.
        """
        return _merge(self.globals(section), own)

    def admit(self, names: Iterable[str]) -> None:
        """Lets Ref name these as well: the logical ids that SAM gives to what it makes of a resource."""
        self._generated.update(names)

    def resolve(self, node: Node, *, at: str) -> Node:
        """A value with every intrinsic function worked out.

        Args:
            node: The value as it stands in the file.
            at: What to call its place in an error.

        Raises:
            TemplateError: A function is not supported here, or names what is not in the template.
        """
        value = self.optional(node, at=at, otherwise=_NO_VALUE)
        if value is _NO_VALUE:
            raise TemplateError(f"{at}: AWS::NoValue stands where a value is needed")
        return value

    def optional(self, node: Node, *, at: str, otherwise: Node = None) -> Node:
        """The same, and another value where `AWS::NoValue` stands, which takes a property away."""
        value = self._value(node, at)
        return otherwise if value is _NO_VALUE else value

    def _value(self, node: Node, at: str) -> Node:
        if isinstance(node, Mapping):
            if len(node) == 1:
                name, argument = next(iter(node.items()))
                if name == "Ref" or name.startswith("Fn::"):
                    return self._work_out(name, argument, at)
            resolved = {key: self._value(inner, f"{at}.{key}") for key, inner in node.items()}
            return {key: value for key, value in resolved.items() if value is not _NO_VALUE}
        if isinstance(node, list):
            elements = [self._value(inner, f"{at}[{place}]") for place, inner in enumerate(node)]
            return [element for element in elements if element is not _NO_VALUE]
        return node

    def _work_out(self, name: str, argument: Node, at: str) -> Node:
        workings = {
            "Ref": self._ref,
            "Fn::Sub": self._sub,
            "Fn::GetAtt": self._attribute,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::If": self._if,
            "Fn::FindInMap": self._find_in_map,
        }
        if name not in workings:
            known = ", ".join(workings)
            raise TemplateError(f"{at}: {name} is not supported by the local stack; it knows {known}")
        return workings[name](argument, at)

    def _ref(self, name: str, at: str) -> Node:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self._parameters:
            return self._parameters[name]
        if name in _PSEUDO:
            return _PSEUDO[name]
        # By the time a condition is worked out the resources may not stand yet: the tree has their names.
        if name in self._tree["Resources"]:
            return queue_url(self._queue_name(name)) if self._kind(name) == QUEUE else name
        if name in self._generated:
            return name
        function, dot, attribute = name.partition(".")
        if dot and attribute == "Alias" and function in self._tree["Resources"]:
            return f"{self._attribute(f'{function}.Arn', at)}:{self._alias(function, at)}"
        raise TemplateError(f"{at}: !Ref {name} names no parameter and no resource of {self.path.name}")

    def _attribute(self, argument: Node, at: str) -> str:
        name, _, attribute = argument.partition(".") if isinstance(argument, str) else (argument[0], ".", argument[1])
        if name not in self._tree["Resources"]:
            raise TemplateError(f"{at}: !GetAtt {name}.{attribute} names no resource of {self.path.name}")
        called = self._queue_name(name) if self._kind(name) == QUEUE else name
        if attribute == "Arn":
            return arn(self._kind(name), called)
        if self._kind(name) == QUEUE and attribute in {"QueueName", "QueueUrl"}:
            return called if attribute == "QueueName" else queue_url(called)
        known = "the attribute Arn, and of a queue QueueName and QueueUrl"
        raise TemplateError(f"{at}: !GetAtt {name}.{attribute}: the local stack knows only {known}")

    def _alias(self, name: str, at: str) -> str:
        properties = self.merged("Function", self._tree["Resources"][name].get("Properties") or {})
        if "AutoPublishAlias" not in properties:
            raise TemplateError(f"{at}: !Ref {name}.Alias, but {name} has no AutoPublishAlias")
        return str(self.resolve(properties["AutoPublishAlias"], at=f"{name}.AutoPublishAlias"))

    def _kind(self, name: str) -> str:
        return str(self._tree["Resources"][name]["Type"])

    def _queue_name(self, name: str) -> str:
        properties = self._tree["Resources"][name].get("Properties") or {}
        if "QueueName" in properties:
            return str(self.resolve(properties["QueueName"], at=f"{name}.QueueName"))
        fifo = "FifoQueue" in properties and is_true(self.resolve(properties["FifoQueue"], at=f"{name}.FifoQueue"))
        return f"{name}.fifo" if fifo else name

    def _sub(self, argument: Node, at: str) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument
        own = {name: self.resolve(value, at=at) for name, value in own.items()}

        def replace(place: re.Match[str]) -> str:
            name = place[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return str(own[name])
            return str(self._attribute(name, at) if "." in name else self._ref(name, at))

        return _PLACE.sub(replace, text)

    def _join(self, argument: Node, at: str) -> str:
        between, parts = argument
        return str(between).join(str(part) for part in self.resolve(parts, at=at))

    def _select(self, argument: Node, at: str) -> Node:
        place, options = argument
        return self.resolve(options, at=at)[int(self.resolve(place, at=at))]

    def _split(self, argument: Node, at: str) -> list[str]:
        between, text = argument
        return str(self.resolve(text, at=at)).split(between)

    def _if(self, argument: Node, at: str) -> Node:
        condition, then, otherwise = argument
        return self._value(then if self._holds({"Condition": condition}, at) else otherwise, at)

    def _find_in_map(self, argument: Node, at: str) -> Node:
        name, *keys = self.resolve(argument, at=at)
        found = (self._tree.get("Mappings") or {}).get(name) or {}
        for key in keys:
            if key not in found:
                raise TemplateError(f"{at}: the mapping {name} has no {key}")
            found = found[key]
        return found

    def _deployed(self, entry: Mapping[str, Any]) -> bool:
        return "Condition" not in entry or self._holds({"Condition": entry["Condition"]}, "Resources")

    def _holds(self, condition: Mapping[str, Any], at: str) -> bool:
        name, argument = next(iter(condition.items()))
        if name == "Condition":
            if argument not in (self._tree.get("Conditions") or {}):
                raise TemplateError(f"{at}: there is no condition {argument}")
            return self._holds(self._tree["Conditions"][argument], f"Conditions.{argument}")
        if name == "Fn::Equals":
            one, other = self.resolve(argument, at=at)
            return str(one) == str(other)
        if name == "Fn::Not":
            return not self._holds(argument[0], at)
        if name in {"Fn::And", "Fn::Or"}:
            truths = [self._holds(inner, at) for inner in argument]
            return all(truths) if name == "Fn::And" else any(truths)
        raise TemplateError(f"{at}: {name} is no condition function; those are Equals, And, Or, Not and Condition")


def declared_parameters(path: Path) -> frozenset[str]:
    """The names of a template's parameters.

    Raises:
        TemplateError: The file is missing or is no template.
    """
    return frozenset(load(path).get("Parameters") or {})


def check_parameter(path: Path, name: str, value: str, *, called: str) -> None:
    """Checks a value for a parameter before the template is read.

    Args:
        path: The template.
        name: A parameter that it declares.
        value: For that parameter.
        called: What the message is to call it: where the value came from.

    Raises:
        TemplateError: It is none that the parameter may have.
    """
    _check(called, value, load(path)["Parameters"][name])


def load(path: Path) -> Mapping[str, Any]:
    """A template as it stands in its file, with the short forms of intrinsic functions written out.

    Raises:
        TemplateError: The file is missing or is no template.
    """
    try:
        # The loader is SafeLoader with tags that build plain mappings.
        tree = yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506 - see above
    except FileNotFoundError:
        raise TemplateError(f"There is no {path}. Start in the project's folder, or name it: --template") from None
    except yaml.YAMLError as error:
        raise TemplateError(f"{path} is no YAML: {error}") from error
    if not isinstance(tree, Mapping) or not isinstance(tree.get("Resources"), Mapping):
        raise TemplateError(f"{path} is no CloudFormation template: it has no Resources")
    return tree


def arn(kind: str, name: str) -> str:
    """The ARN that a resource has in the local stack."""
    if kind in {"AWS::Serverless::Function", "AWS::Lambda::Function"}:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    service = kind.split("::")[1].lower()
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def function_name(uri: str) -> str:
    """The function that an ARN names, or the URI of an integration with it; a bare name is itself."""
    found = _FUNCTION.search(uri)
    return found[1] if found else uri


def queue_url(name: str) -> str:
    """The URL that a queue has on AWS; functions get the one of here in its place (`Addresses`)."""
    return f"https://sqs.{REGION}.{_PSEUDO['AWS::URLSuffix']}/{ACCOUNT}/{name}"


def api_url(name: str, stage: str) -> str:
    """The URL that a stage of a REST API has on AWS; functions get the one of here in its place (`Addresses`)."""
    return f"https://{name}.execute-api.{REGION}.{_PSEUDO['AWS::URLSuffix']}/{stage}"


def is_true(value: Node) -> bool:
    """Whether a value that is to be a truth value is one that is true, in YAML's spelling or CloudFormation's."""
    return str(value).lower() == "true"


def _merge(general: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Merges as SAM does: mappings key by key, lists one after the other, anything else is the resource's own."""
    merged = dict(general)
    for key, value in own.items():
        before = merged.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            merged[key] = [*before, *value]
        else:
            merged[key] = value
    return merged


def _settle(declared: Mapping[str, Any], *, given: Mapping[str, str]) -> Mapping[str, Any]:
    for name in given:
        if name not in declared:
            raise TemplateError(f"The template has no parameter {name}; it has {', '.join(sorted(declared)) or 'none'}")
    settled = {}
    for name, about in declared.items():
        value = given.get(name, about.get("Default"))
        if value is None:
            raise TemplateError(f"The parameter {name} has no default, so it must be given: --parameter {name}=VALUE")
        listed = about.get("Type") == "CommaDelimitedList" or str(about.get("Type")).startswith("List<")
        parts = [part.strip() for part in str(value).split(",")] if listed else [str(value)]
        for part in parts:
            _check(f"The parameter {name}", part, about)
        settled[name] = parts if listed else str(value)
    return settled


def _check(called: str, value: str, about: Mapping[str, Any]) -> None:
    # CloudFormation masks such a value wherever it would show it.
    shown = "****" if str(about.get("NoEcho")).lower() == "true" else repr(value)
    allowed = [str(option) for option in about.get("AllowedValues") or ()]
    if allowed and value not in allowed:
        raise TemplateError(f"{called} is {shown}; it must be one of {', '.join(allowed)}")
    pattern = about.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, value):
        rule = about.get("ConstraintDescription") or f"must match {pattern}"
        raise TemplateError(f"{called} is {shown}; it {rule}")
    if about.get("Type") == "Number" and not re.fullmatch(r"[+-]?\d+(\.\d+)?", value):
        raise TemplateError(f"{called} is {shown}; it must be a number")
