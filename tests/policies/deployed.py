"""A template as CloudFormation would deploy it: SAM's transform done, its functions worked out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventstore_dev.cloudformation import ACCOUNT, REGION, Document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eventstore_dev.cloudformation import Resource

__all__ = ["Deployed", "deployed", "sam_python"]

_TRANSFORM = Path(__file__).parent / "transform.py"
_LOG_GROUP = "AWS::Logs::LogGroup"


class Deployed(Document):
    """Knows the ARNs that policies name, beside those that the local stack needs."""

    def of_kind(self, kind: str) -> Iterator[Resource]:
        """Resources of a kind that are deployed."""
        return (resource for resource in self.resources.values() if resource.kind == kind)

    def named(self, name: str) -> str:
        """The name of a log group, as it stands in its ARN."""
        given = self.resources[name].properties.get("LogGroupName", name)
        return str(self.resolve(given, at=f"{name}.LogGroupName"))

    def _ref(self, name: str, at: str) -> Any:  # noqa: ANN401 - as the document has it
        if name in self._tree["Resources"] and self._kind(name) == _LOG_GROUP:
            return self.named(name)
        return super()._ref(name, at)

    def _attribute(self, argument: Any, at: str) -> str:  # noqa: ANN401 - as the document has it
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        if name in self._tree["Resources"] and (self._kind(name), attribute) == (_LOG_GROUP, "Arn"):
            return log_group(self.named(name)) + ":*"
        return super()._attribute(argument, at)


def log_group(name: str) -> str:
    """The ARN of a log group; of its streams, if `:log-stream:` follows."""
    return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}"


def sam_python() -> Path | None:
    """A Python that has SAM's transform; None where `make lint-template` installed none yet.

    The transform's pins do not go with those of the tests, so it has an environment of its own.
    """
    root = Path(__file__).parents[2]
    found = (root / folder / "bin/python" for folder in (f"{Path(sys.prefix).name}-sam", ".venv-sam"))
    return next((python for python in found if python.exists()), None)


def deployed(template: Path, *, python: Path, parameters: Mapping[str, str]) -> Deployed:
    """The template with these parameters.

    Raises:
        TemplateError: A parameter is missing, or has a forbidden value.
        subprocess.CalledProcessError: SAM refuses the template; it has written why.
    """
    return Deployed(json.loads(_transformed(template, python)), path=template, parameters=parameters)


@cache
def _transformed(template: Path, python: Path) -> str:
    # Its own environment: not a path of this one, nor anybody's credentials.
    environment = {"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": REGION}
    done = subprocess.run([python, _TRANSFORM, template], check=True, stdout=subprocess.PIPE, env=environment)
    return done.stdout.decode()
