"""What an endpoint does not know of the built template, and what stands there instead; there is no second template.

Rules: LocalStack documentation, "API Gateway", "Path-based URLs" (`/_aws/execute-api/...`), which MiniStack shares.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["adapted", "written"]

DROPPED = {
    "AWS::ApiGatewayV2::RouteResponse": "MiniStack does not know it, and its routes answer without one",
}
"""Types of resources that are left out, and why that changes nothing."""

GIVEN = {
    "AWS::ApiGatewayV2::Authorizer": (
        {"IdentitySource": []},
        "without it MiniStack asks for the header Authorization, and AWS for nothing",
    ),
}
"""Properties that resources of a type get if they have none of the name, and why that changes nothing."""

_HOST = re.compile(r"(https|wss)://\$\{(\w+)\}\.execute-api\.\$\{AWS::Region\}\.\$\{AWS::URLSuffix\}")
"""Where AWS has an API; no name of amazonaws.com leads to an endpoint on this machine."""

_ANY = "x-amazon-apigateway-any-method"
_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
"""What `any` means, for an import that knows methods by their names alone."""


def adapted(template: dict[str, Any], *, endpoint: str) -> tuple[dict[str, Any], set[str]]:
    """The template for an endpoint, and what was changed in it, in words."""
    said: set[str] = set()
    left = {}
    for name, resource in template.get("Resources", {}).items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind in DROPPED:
            said.add(f"{kind} is left out: {DROPPED[kind]}")
            continue
        given, why = GIVEN.get(kind, ({}, ""))
        if given.keys() - properties.keys():
            said.add(f"{kind} gets {given}: {why}")
        left[name] = resource | {"Properties": given | properties}
    return _changed(template | {"Resources": left}, endpoint, said), said


def _changed(value: Any, endpoint: str, said: set[str]) -> Any:  # noqa: ANN401 - YAML is anything
    match value:
        case str() if _HOST.search(value):
            said.add(f"addresses of APIs lead to {endpoint}")
            here = {"https": endpoint, "wss": endpoint.replace("http", "ws", 1)}
            return _HOST.sub(lambda found: f"{here[found[1]]}/_aws/execute-api/${{{found[2]}}}", value)
        case list():
            return [_changed(one, endpoint, said) for one in value]
        case dict() if _ANY in value:
            said.add(f"{_ANY} is spelled out: MiniStack knows methods by their names alone")
            spelled = {name: one for name, one in value.items() if name != _ANY}
            return _changed(dict.fromkeys(_METHODS, value[_ANY]) | spelled, endpoint, said)
        case dict():
            return {name: _changed(one, endpoint, said) for name, one in value.items()}
        case _:
            return value


def written(template: Path, *, endpoint: str) -> tuple[Path, list[str]]:
    """The adapted template beside the one that was built, and so for the nested ones; and what was changed in any."""
    content, said = adapted(yaml.safe_load(template.read_text()), endpoint=endpoint)
    for resource in content["Resources"].values():
        location = resource["Properties"].get("Location")
        if resource["Type"] == "AWS::Serverless::Application" and isinstance(location, str):
            nested, more = written(template.parent / location, endpoint=endpoint)
            resource["Properties"]["Location"] = str(nested.relative_to(template.parent))
            said.update(more)
    path = template.with_name("adapted.yaml")
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path, sorted(said)
