"""The errors of calls of gRPC as errors of the client: `ErrorInfo.reason` is the code of REST (docs/grpc.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpc import StatusCode

from eventstore_client.errors import (
    Conflict,
    ConnectFailed,
    Denied,
    Gone,
    Invalid,
    NotFound,
    TooLarge,
    Unavailable,
    UnexpectedAnswer,
    full_detail,
    kind_of,
)
from eventstore_client.grpc.messages import error_details, status

if TYPE_CHECKING:
    from collections.abc import Mapping

    import grpc

    from eventstore_client.errors import ClientError, ProblemError
    from eventstore_client.grpc.messages import events

__all__ = ["error_of", "failure_members"]

_SLOW_CONSUMER = "slow-consumer"
"""The code with which the hub ends a call whose client does not read. Another call resumes."""

_DETAILS = "grpc-status-details-bin"
_KINDS: Mapping[StatusCode, type[ProblemError]] = {
    StatusCode.INVALID_ARGUMENT: Invalid,
    StatusCode.OUT_OF_RANGE: Invalid,
    StatusCode.FAILED_PRECONDITION: Conflict,
    StatusCode.ABORTED: Conflict,
    StatusCode.ALREADY_EXISTS: Conflict,
    StatusCode.NOT_FOUND: NotFound,
    StatusCode.UNAUTHENTICATED: Denied,
    StatusCode.PERMISSION_DENIED: Denied,
    StatusCode.RESOURCE_EXHAUSTED: Unavailable,
    StatusCode.UNAVAILABLE: Unavailable,
    StatusCode.INTERNAL: Unavailable,
}
_BY_REASON: Mapping[str, type[ProblemError]] = {
    "connection-not-found": NotFound,
    "new-epoch": Gone,
    "target-not-allowed": Invalid,
}
"""The classes of errors of the hub: by their code (`errors.kind_of`, and here), otherwise by the status."""

_NUMBERS = frozenset({"position", "expected", "actual", "sequence", "index"})


def error_of(error: grpc.RpcError, url: str, *, credentials: object = None, pointer: str = "") -> ClientError:
    """Return the error for a call that failed.

    Args:
        error: The error of the library.
        url: The hub's address.
        credentials: The credentials of the call; None if there were none.
        pointer: What pointers into the request begin with, and pointers into that of REST do not.
    """
    code, text = error.code(), " ".join(str(error.details() or "").split())
    problem = _problem(error, pointer)
    if problem is None:
        return _error_without_reason(code, text, url, credentials=credentials)
    if problem["code"] == _SLOW_CONSUMER:
        return ConnectFailed(str(problem["detail"]))
    kind = _BY_REASON.get(problem["code"], _KINDS.get(code, Unavailable))
    return _problem_error(kind_of(problem["code"], otherwise=kind), problem, credentials=credentials)


def failure_members(failure: events.Failure) -> dict[str, Any]:
    """Return the failure of a request in a call that goes on, as the members of an error message."""
    return {**_typed(failure.metadata), "code": failure.reason, "detail": failure.message}


def _error_without_reason(code: StatusCode, text: str, url: str, *, credentials: object) -> ClientError:
    """Return the error for a status that the library, or a proxy, has made."""
    detail = f"{code.name}: {text}"
    if code in {StatusCode.UNAUTHENTICATED, StatusCode.PERMISSION_DENIED}:
        return _problem_error(Denied, {"code": code.name, "detail": text}, credentials=credentials)
    if code is StatusCode.RESOURCE_EXHAUSTED:
        return _problem_error(TooLarge, {"code": "too-large", "detail": text}, credentials=credentials)
    if code in {StatusCode.UNIMPLEMENTED, StatusCode.INVALID_ARGUMENT}:
        return UnexpectedAnswer(f"unexpected response from {url}: {detail}; is a hub running at this address?")
    return ConnectFailed(f"no response from {url}: {detail}; is the hub running?")


def _problem_error(kind: type[ProblemError], problem: Mapping[str, Any], *, credentials: object) -> ProblemError:
    detail = full_detail(kind, str(problem["detail"]), problem, credentials=credentials)
    return kind(status=None, code=str(problem["code"]), detail=detail, problem=problem)


def _problem(error: grpc.RpcError, pointer: str) -> dict[str, Any] | None:
    """Return the problem that the status describes; None if it is not of a hub."""
    metadata: Any = error.trailing_metadata() or ()
    packed = next((value for name, value in metadata if name == _DETAILS), None)
    if not isinstance(packed, bytes):
        return None
    described = status.Status.FromString(packed)
    info, violations = error_details.ErrorInfo(), error_details.BadRequest()
    for detail in described.details:
        detail.Unpack(info)
        detail.Unpack(violations)
    if not info.reason:
        return None
    places = [
        {"pointer": place.field.removeprefix(pointer), "detail": place.description}
        for place in violations.field_violations
    ]
    return {
        **_typed(info.metadata),
        "code": info.reason,
        "detail": described.message,
        **({"errors": places} if places else {}),
    }


def _typed(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return the metadata of an error as the members of a problem of REST."""
    members: dict[str, Any] = {
        name: int(value) if name in _NUMBERS and value.isdecimal() else value
        for name, value in metadata.items()
        if not name.startswith("candidate")
    }
    candidates = [metadata[name].split(" ", 1) for name in sorted(metadata) if name.startswith("candidate")]
    if candidates:
        members["candidates"] = [{"stream": stream, "source": source} for stream, source in candidates]
    return members
