"""Notes every call of AWS that this process makes, where `RECORDED_CALLS` says. Python imports it by its name.

The hub calls AWS by `ServiceCalls`, others by botocore. Rules: botocore, "Event system": a session's handlers become
its clients' handlers, so what is registered as the session is made hears every call, before anything is sent.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_BOTO_NAMES = {"execute-api": "apigatewaymanagementapi"}
"""What boto3 calls a service, where signatures have another name."""

# The parameters that name a resource; the content of calls is never recorded.
_NAMES = frozenset({"Bucket", "ConnectionId", "EventBusName", "FunctionName", "Key", "QueueUrl", "SecretId"})


def _note(service: str, operation: str, params: Mapping[str, Any]) -> None:
    call = {
        "function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        "service": service,
        "operation": operation,
        "names": {
            name: value for part in (params, *_entries(params)) for name, value in part.items() if name in _NAMES
        },
    }
    # A single appending write is atomic among processes, and survives a kill.
    file = os.open(os.environ["RECORDED_CALLS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, json.dumps(call).encode() + b"\n")
    finally:
        os.close(file)


def _entries(params: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The parts of a batch, of which each may name its resource; all of a call name the same here."""
    entries = params.get("Entries")
    return entries if isinstance(entries, list) else ()


def _listen_to_boto(module: Any) -> None:  # noqa: ANN401 - botocore is not imported yet
    make = module.Session.__init__

    def hear(params: Mapping[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 - as above
        _note(model.service_model.service_name, model.name, params)

    def listening(session: Any, *args: Any, **options: Any) -> None:  # noqa: ANN401 - whatever botocore takes
        make(session, *args, **options)
        session.register("before-parameter-build", hear)

    module.Session.__init__ = listening


def _listen_to_hub(module: Any) -> None:  # noqa: ANN401 - the hub is not imported yet
    make, call = module.ServiceCalls.__init__, module.ServiceCalls.call

    def made(calls: Any, service: str, *args: Any, **options: Any) -> None:  # noqa: ANN401 - whatever the hub takes
        make(calls, service, *args, **options)
        calls.recorded_service = _BOTO_NAMES.get(service, service)

    def listening(calls: Any, operation: str, path: str, body: bytes = b"", **options: Any) -> Any:  # noqa: ANN401 - as above
        _note(calls.recorded_service, operation, _params(calls.recorded_service, path, body))
        return call(calls, operation, path, body, **options)

    module.ServiceCalls.__init__, module.ServiceCalls.call = made, listening


def _params(service: str, path: str, body: bytes) -> Mapping[str, Any]:
    """The parameters that boto3 would have: in the path, or in JSON."""
    parts = path.split("/")
    if service == "apigatewaymanagementapi":
        return {"ConnectionId": unquote(parts[-1])}
    if service == "s3":
        return {"Bucket": parts[1], "Key": unquote("/".join(parts[2:]))}
    if service == "lambda":
        return {"FunctionName": unquote(parts[-2])}
    members: Mapping[str, Any] = json.loads(body)
    return members


_LISTENERS = {"botocore.session": _listen_to_boto, "eventstore.adapters.aws.service_calls": _listen_to_hub}


class _Listening(Loader):
    """Loads the module, and makes it record the calls of its process."""

    def __init__(self, inner: Loader) -> None:
        self._inner = inner

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._inner.exec_module(module)
        _LISTENERS[module.__name__](module)


class _Finder(MetaPathFinder):
    """Acts on the import of a module, so that functions that do not use it do not import it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _LISTENERS:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Listening(spec.loader)
        return spec


if "RECORDED_CALLS" in os.environ:
    sys.meta_path.insert(0, _Finder())
