"""The services of AWS, as botocore's models describe them: by what a request names one, and which operations it has.

Rules: Smithy, "AWS JSON 1.0 protocol", "AWS Query protocol" and "AWS EC2 Query protocol".
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import botocore

__all__ = ["ServiceModel", "model_of_form", "model_of_target"]

_SQS = "sqs"
_FORMS = frozenset({"ec2", "query"})
# A model begins with its metadata, so that the megabytes behind it need not be read.
_HEAD = 8192
_METADATA = '"metadata":'


@dataclass(frozen=True, slots=True)
class ServiceModel:
    """What a service's model says of its protocol.

    Attributes:
        service: The name that its requests are signed for.
        endpoint: What the host of its endpoints begins with.
        version: Of its API, a date.
        target: The prefix of its operations in a header `X-Amz-Target`, if it has such.
        form: Whether it takes an operation's parameters as a form.
    """

    file: Path
    service: str
    endpoint: str
    version: str
    target: str | None
    form: bool

    def has(self, operation: str) -> bool:
        """Whether the service has an operation of this name."""
        with _open(self.file) as content:
            return operation in json.load(content)["operations"]


def model_of_target(target: str) -> ServiceModel | None:
    """Return the service that a header `X-Amz-Target` names; None if there is none.

    Args:
        target: The header's value: a prefix of the service's own, a dot, and the operation.
    """
    prefix, dot, _ = target.rpartition(".")
    return next((model for model in _models() if model.target == prefix), None) if dot else None


def model_of_form(action: str, version: str) -> ServiceModel | None:
    """Return the service that has an operation whose parameters are a form; None if none has.

    Args:
        action: The operation: the form's parameter `Action`.
        version: Of the service's API: its parameter `Version`.
    """
    dated = (model for model in _models() if model.form and model.version == version)
    return next((model for model in dated if model.has(action)), None)


@cache
def _models() -> tuple[ServiceModel, ...]:
    folder = Path(botocore.__file__).parent / "data"
    # Of a service's versions the newest first: their folders are dates.
    files = sorted(folder.glob("*/*/service-2.json*"), reverse=True)
    return tuple(_model(file) for file in files)


def _model(file: Path) -> ServiceModel:
    with _open(file) as content:
        head = content.read(_HEAD).decode(errors="replace")
    about: dict[str, Any]
    about, _ = json.JSONDecoder().raw_decode(head, head.index("{", head.index(_METADATA)))
    name = file.parent.parent.name
    protocols = {about["protocol"], *about.get("protocols", ())}
    return ServiceModel(
        file=file,
        service=str(about.get("signingName", about["endpointPrefix"])).lower(),
        endpoint=about["endpointPrefix"],
        version=about["apiVersion"],
        target=about.get("targetPrefix"),
        # SQS's model has only JSON now; SDKs of before 2023 send it forms.
        form=name == _SQS or not protocols.isdisjoint(_FORMS),
    )


def _open(file: Path) -> Any:  # noqa: ANN401 - the two kinds of file have no type in common
    return gzip.open(file) if file.suffix == ".gz" else file.open("rb")
