"""A template as CloudFormation would deploy it: with SAM's transform applied and intrinsic functions resolved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from eventstore_dev.aws_names import ACCOUNT, REGION
from eventstore_dev.cloudformation import Document
from tests.policies.evaluator import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eventstore_dev.cloudformation import Resource

__all__ = ["Deployed", "deployed", "log_group", "sam_python"]

_TRANSFORM = Path(__file__).parent / "transform.py"
_STACK = "AWS::CloudFormation::Stack"
# Without the Python path and the credentials of this process.
_ENVIRONMENT = {"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": REGION}


class _Naming(NamedTuple):
    """The names of resources of a kind: the property with the name, and the ARN with that name."""

    property: str
    arn: str

    def arn_of(self, name: str) -> str:
        return self.arn.format(name=name, place=f"{REGION}:{ACCOUNT}")


_NAMED = {
    "AWS::ElastiCache::ReplicationGroup": _Naming(
        "ReplicationGroupId", "arn:aws:elasticache:{place}:replicationgroup:{name}"
    ),
    "AWS::ElastiCache::ServerlessCache": _Naming(
        "ServerlessCacheName", "arn:aws:elasticache:{place}:serverlesscache:{name}"
    ),
    "AWS::ElastiCache::User": _Naming("UserId", "arn:aws:elasticache:{place}:user:{name}"),
    # The ARN of a log group covers its streams.
    "AWS::Logs::LogGroup": _Naming("LogGroupName", "arn:aws:logs:{place}:log-group:{name}:*"),
}
# The prefixes of EC2 ids; digits follow.
_IDS = {"AWS::EC2::SecurityGroup": "sg-", "AWS::EC2::Subnet": "subnet-"}
# The address of a cache, which is not used.
_ENDPOINT = {"Address": "cache.example", "Port": "6379"}


class Deployed(Document):
    """A template that also resolves what policies name: caches, users, log groups, and nested stacks."""

    def of_kind(self, kind: str) -> Iterator[Resource]:
        """The deployed resources of a type."""
        return (resource for resource in self.resources.values() if resource.kind == kind)

    def output(self, name: str) -> str:
        """An output of the stack."""
        return str(self.resolve(self._tree["Outputs"][name]["Value"], at=f"Outputs.{name}"))

    def _ref(self, name: str, at: str) -> Any:  # noqa: ANN401 - as the document has it
        kind = self._kind_of(name)
        if kind in _IDS:
            return f"{_IDS[kind]}{crc32(name.encode()):017x}"
        return self._called(name) if kind in _NAMED else super()._ref(name, at)

    def _attribute(self, argument: Any, at: str) -> str:  # noqa: ANN401 - as the document has it
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        kind, last = self._kind_of(name), attribute.rpartition(".")[2]
        if kind == _STACK:
            return self._nested(name).output(last)
        if kind not in _NAMED:
            return super()._attribute(argument, at)
        return _ENDPOINT.get(last) or _NAMED[kind].arn_of(self._called(name))

    def _kind_of(self, name: str) -> str:
        return self._kind(name) if name in self._tree["Resources"] else ""

    def _called(self, name: str) -> str:
        """The name of a resource; services choose lowercase names by default."""
        given = (self._tree["Resources"][name].get("Properties") or {}).get(_NAMED[self._kind(name)].property)
        return name.lower() if given is None else str(self.resolve(given, at=name))

    @cache  # noqa: B019 - it is asked for again and again by the one document that it belongs to
    def _nested(self, name: str) -> Deployed:
        properties = self.resolve(self._tree["Resources"][name]["Properties"], at=name)
        path = self.path.parent / properties["TemplateURL"].removeprefix("s3://packaged/")
        parameters = {key: str(value) for key, value in properties.get("Parameters", {}).items()}
        return Deployed.read(path, parameters=parameters)


def log_group(name: str) -> str:
    """The ARN of a log group itself."""
    return _NAMED["AWS::Logs::LogGroup"].arn_of(name).removesuffix(":*")


@cache
def sam_python() -> Path | None:
    """A Python with SAM's transform; None unless `make lint-template` has installed it completely.

    The transform's pins do not go with those of the tests, so it has an environment of its own.
    """
    root = Path(__file__).parents[2]
    candidates = (root / folder / "bin/python" for folder in (f"{Path(sys.prefix).name}-sam", ".venv-sam"))
    return next((python for python in candidates if python.exists() and _imports(python)), None)


def _imports(python: Path) -> bool:
    command = [python, "-c", "import samtranslator.translator.transform"]
    return subprocess.run(command, check=False, capture_output=True, env=_ENVIRONMENT).returncode == 0


def deployed(template: Path, *, python: Path, parameters: Mapping[str, str]) -> Deployed:
    """Apply the transform to the template, with parameters.

    Raises:
        TemplateError: A parameter is missing, or has a forbidden value.
        PolicyError: SAM refuses the template; the message has its words.
    """
    return Deployed(json.loads(_transformed(template, python)), path=template, parameters=parameters)


@cache
def _transformed(template: Path, python: Path) -> str:
    done = subprocess.run([python, _TRANSFORM, template], check=False, capture_output=True, text=True, env=_ENVIRONMENT)
    if done.returncode != 0:
        raise PolicyError(f"SAM refuses {template}:\n{done.stderr}")
    return done.stdout
