"""Changes to the built template for an endpoint that does not support all of it; there is no second template.

Rules: LocalStack documentation, "API Gateway", "Path-based URLs" (`/_aws/execute-api/...`), which MiniStack shares.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Adapting"]

DROPPED = {
    "AWS::ApiGatewayV2::RouteResponse": ("RouteId", "MiniStack does not support it, and its routes answer without it"),
    "AWS::CloudWatch::Alarm": ("Metrics", "MiniStack knows alarms on a single metric, and nothing here asks for one"),
    "AWS::EC2::FlowLog": ("ResourceId", "MiniStack does not know it, and no packet passes its networks"),
    "AWS::EC2::SecurityGroupEgress": ("GroupId", "MiniStack does not know it; rules that stand in a group are made"),
    "AWS::EC2::SecurityGroupIngress": ("GroupId", "MiniStack does not know it; rules that stand in a group are made"),
    "AWS::ElastiCache::ServerlessCache": ("Engine", "MiniStack does not know it; the cluster alone is made"),
}
"""Types of resources that are left out if they have the property, with the reason why the hub works without them."""

GIVEN: dict[str, tuple[dict[str, Any], str]] = {
    "AWS::ApiGatewayV2::Authorizer": (
        {"IdentitySource": []},
        "without it MiniStack asks for the header Authorization, and AWS for nothing",
    ),
}
"""Default properties for resources of a type, with the reason why they change nothing."""

FIXED: dict[str, tuple[dict[str, Any], str]] = {
    "AWS::ElastiCache::ReplicationGroup": (
        {"NumNodeGroups": 3},
        "MiniStack gives one address to clusters of three shards at least, AWS to all",
    ),
}
"""Properties that override the template for resources of a type, with the reason."""

_HOST = re.compile(r"(https|wss)://\$\{(\w+)\}\.execute-api\.\$\{AWS::Region\}\.\$\{AWS::URLSuffix\}")
"""The host of an API on AWS; no name of amazonaws.com resolves to an endpoint on this machine."""

_ANY = "x-amazon-apigateway-any-method"
_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
"""The methods of `any`, for an import that supports named methods only."""


class Adapting:
    """Adapts templates to an endpoint.

    Args:
        url: Where it listens.
        whole: Whether it knows all that stands in the template, so that only addresses are its own.

    Attributes:
        changes: What was changed so far, in words.
    """

    def __init__(self, url: str, *, whole: bool = False) -> None:
        self._hosts = {"https": url, "wss": url.replace("http", "ws", 1)}
        self._whole = whole
        self.changes: set[str] = set()

    def file(self, template: Path) -> Path:
        """Write the adapted template, and the nested ones, beside the built templates."""
        content = self.template(yaml.safe_load(template.read_text()))
        for resource in content["Resources"].values():
            location = resource.get("Properties", {}).get("Location")
            if resource["Type"] == "AWS::Serverless::Application" and isinstance(location, str):
                nested = self.file(template.parent / location)
                resource["Properties"]["Location"] = str(nested.relative_to(template.parent))
        path = template.with_name("adapted.yaml")
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return path

    def template(self, template: dict[str, Any]) -> dict[str, Any]:
        """The adapted template."""
        resources = template.get("Resources", {})
        known = resources if self._whole else dict(self._known(resources))
        adapted: dict[str, Any] = self._value(template | {"Resources": known})
        return adapted

    def _known(self, resources: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for name, resource in resources.items():
            kind, properties = resource["Type"], resource.get("Properties", {})
            if kind in DROPPED and DROPPED[kind][0] in properties:
                self.changes.add(f"{kind} with {DROPPED[kind][0]} is left out: {DROPPED[kind][1]}")
                continue
            given, why = FIXED.get(kind) or GIVEN.get(kind, ({}, ""))
            if kind in FIXED or given.keys() - properties.keys():
                self.changes.add(f"{kind} gets {given}: {why}")
                yield name, resource | {"Properties": properties | given}
            else:
                yield name, resource

    def _value(self, value: Any) -> Any:  # noqa: ANN401 - YAML is anything
        match value:
            case str() if _HOST.search(value):
                self.changes.add(f"addresses of APIs lead to {self._hosts['https']}")
                return _HOST.sub(lambda match: f"{self._hosts[match[1]]}/_aws/execute-api/${{{match[2]}}}", value)
            case list():
                return [self._value(member) for member in value]
            case dict() if _ANY in value and not self._whole:
                self.changes.add(f"{_ANY} is spelled out: MiniStack knows methods by their names alone")
                own = {name: member for name, member in value.items() if name != _ANY}
                return self._value(dict.fromkeys(_METHODS, value[_ANY]) | own)
            case dict():
                return {name: self._value(member) for name, member in value.items()}
            case _:
                return value
