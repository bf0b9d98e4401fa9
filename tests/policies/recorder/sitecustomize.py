"""Notes every call of AWS that this process makes, where `RECORDED_CALLS` says. Python imports it by its name.

Rules: botocore, "Event system": a session's handlers become its clients' handlers, so what is registered as the session
is made hears every call, before anything is sent.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_SESSION = "botocore.session"
# The parameters that name a resource; the content of calls is never recorded.
_NAMES = frozenset({"ConnectionId", "QueueUrl", "SecretId"})


def _note(params: Mapping[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 - botocore is not imported yet
    call = {
        "function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        "service": model.service_model.service_name,
        "operation": model.name,
        "names": {name: value for name, value in params.items() if name in _NAMES},
    }
    # A single appending write is atomic among processes, and survives a kill.
    file = os.open(os.environ["RECORDED_CALLS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, json.dumps(call).encode() + b"\n")
    finally:
        os.close(file)


class _Listening(Loader):
    """Loads the module, and makes its sessions record their calls."""

    def __init__(self, inner: Loader) -> None:
        self._inner = inner

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._inner.exec_module(module)
        make = module.Session.__init__

        def listening(session: Any, *args: Any, **options: Any) -> None:  # noqa: ANN401 - whatever botocore takes
            make(session, *args, **options)
            session.register("before-parameter-build", _note)

        module.Session.__init__ = listening  # type: ignore[attr-defined]


class _Finder(MetaPathFinder):
    """Acts on the import of botocore, so that functions that do not use it do not import it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _SESSION:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Listening(spec.loader)
        return spec


if "RECORDED_CALLS" in os.environ:
    sys.meta_path.insert(0, _Finder())
