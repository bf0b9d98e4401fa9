"""The endpoints on which the hub under test may run, and what each does not support.

EVENTSTORE_ENDPOINT chooses: `eventstore_dev` unless set; `server` for the hub as a service; else `ministack`, or
`localstack` for another one that speaks AWS's APIs at AWS_ENDPOINT_URL; there the built template is deployed.
A test that needs what the place lacks says so, `@pytest.mark.needs("kills")`, and is skipped there with the reason.
"""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING

from tests.e2e.backends import has_journal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KEPT", "LOSABLE", "chosen", "lacking"]

LOSABLE = "losable-events"
"""What a test needs that empties the store, and wants its events gone."""

KEPT = "kept-events"
"""What a test needs that empties the store, and wants its events kept."""

_INSTANCES = "tests of several instances of the server; EVENTSTORE_ENDPOINT=server runs them"

_NO_GRPC = "only the server has gRPC; EVENTSTORE_ENDPOINT=server runs them"

_LOCAL_ONLY = {
    "grpc": _NO_GRPC,
    "kills": "only the local stack shows which processes run its functions",
    "own-hub": "the test starts a hub of its own, with variables or quotas of its own",
    "instances": _INSTANCES,
    "faults": "processes of this machine are struck, and the endpoint shows none",
    "open-doors": "it is deployed with Auth=key, and lets in who shows a key",
    "recording": "nobody but the local stack lets functions note what they call",
    "one-url": "only the local stack has one URL for all, and functions that go by their logical ids",
}

LACKS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "eventstore_dev": {
            "closed-doors": "it asks for nothing unless AUTH is set",
            "elasticache": "it passes over nested stacks",
            "grpc": _NO_GRPC,
            "instances": _INSTANCES,
            "looks": "a page looks the same on each endpoint; EVENTSTORE_ENDPOINT=server runs them",
        },
        "server": {
            "kills": "no functions run; tests of instances that die are in tests/e2e/server",
            "functions": "no functions run, and no gateway is before them",
            "recording": "no functions run, and there are no roles",
            "closed-doors": "it asks for nothing unless AUTH is set",
            "elasticache": "there is no template",
        },
        "ministack": {
            **_LOCAL_ONLY,
            "subprotocols": "it names no subprotocol, whatever the function answers",
            "refusals": "it refuses every connection with 403, whatever the status of the function's answer",
            "slashes": "it decodes a path before it is routed, so that an encoded slash is a slash",
            "fuzzing": "it answers some ten requests a second, and what it refuses by itself in words of its own",
            "cuts": "it keeps connections that were cut: it reports no end, and takes messages for them with 200",
            "no-accept": "it answers bytes in Base64 to a client that does not say what it accepts",
        },
        "localstack": {**_LOCAL_ONLY, "elasticache": "what of it is free has none"},
    }
)
"""What an endpoint does not support, with the reason, by the names that tests use."""


def chosen() -> str:
    """The endpoint that the environment names.

    Raises:
        LookupError: There is none of that name.
    """
    name = os.environ.get("EVENTSTORE_ENDPOINT") or "eventstore_dev"
    if name not in LACKS:
        raise LookupError(f"EVENTSTORE_ENDPOINT is {name!r}; it may be {', '.join(LACKS)}")
    return name


def lacking(needs: str) -> str | None:
    """The reason why the chosen endpoint does not support a feature; None if it does.

    Raises:
        LookupError: No endpoint lacks it, so a test that needs it says nothing.
    """
    if needs == LOSABLE:
        return "BACKEND: a journal has the events, so a store that is emptied loses none" if has_journal() else None
    if needs == KEPT:
        return None if has_journal() else "BACKEND: a store that is emptied loses its events; see make test-backends"
    if not any(needs in lacks for lacks in LACKS.values()):
        raise LookupError(f"every endpoint can do {needs!r}, or it is written otherwise in tests/e2e/endpoints.py")
    endpoint = chosen()
    why = LACKS[endpoint].get(needs)
    return None if why is None else f"{endpoint}: {why}"
