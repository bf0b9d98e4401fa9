"""Checks the roles of the template against the calls that the suite causes."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.policies.calls import need
from tests.policies.deployed import deployed, sam_python
from tests.policies.findings import missing
from tests.policies.recording import recorded, recording
from tests.policies.roles import roles

if TYPE_CHECKING:
    from collections.abc import Iterator


__all__ = ["API", "TEMPLATE", "judged", "lacking", "unjudged"]

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
API = "WebSocketApi/ws"
"""The stage of the template's WebSocket API in the local stack."""


@contextmanager
def judged(file: Path) -> Iterator[None]:
    """Record the calls of the local stack's functions in a file.

    Raises:
        AssertionError: In the end, a role would have refused one; the message says which.
    """
    with recording(file):
        yield
    refused = lacking(file)
    assert not refused, "\n".join(refused)


def unjudged() -> str | None:
    """The reason why roles cannot be checked on this machine; None if they can."""
    if sam_python() is not None:
        return None
    return (
        "no role was held against what functions called: SAM's transform is not installed; `make lint-template` does it"
    )


def lacking(file: Path) -> list[str]:
    """The calls that a role would refuse; none if roles cannot be checked (`unjudged`)."""
    python = sam_python()
    if python is None:
        return []
    calls = recorded(file)
    template = deployed(TEMPLATE, python=python, parameters={"RedisUrl": "redis://cache.example"})
    return [
        refusal
        for role in roles(template)
        for refusal in missing(role, [need(call, api=API) for call in calls if call.function == role.name])
    ]
