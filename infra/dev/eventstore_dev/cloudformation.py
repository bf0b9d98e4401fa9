"""A CloudFormation template: its conditions and its intrinsic functions worked out.

Rules: AWS CloudFormation User Guide, "Intrinsic function reference", "Condition functions" and "Pseudo parameters
reference"; AWS SAM Developer Guide, "Globals section of the AWS SAM template".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from eventstore_dev.aws_names import ACCOUNT, QUEUE, REGION, URL_SUFFIX, arn, queue_url
from eventstore_dev.parameters import settle_parameters
from eventstore_dev.template_file import TemplateError, load

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Document", "Resource", "is_true"]

# What stands in a template's tree: text, numbers, truth values, lists and mappings of these.
Node: TypeAlias = Any

_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/local/1",
    "AWS::StackName": "local",
    "AWS::URLSuffix": URL_SUFFIX,
}
_NO_VALUE = object()
_PLACE = re.compile(r"\$\{([^}]*)\}")


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
        self._parameters = settle_parameters(tree.get("Parameters") or {}, given=parameters)
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
