"""Errors as `google.rpc.Status`: a gRPC code for each class, and the stable code of REST as the reason."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from grpc_status.rpc_status import to_status

from eventstore import errors
from eventstore.write.publisher import PartlyPublished
from eventstore_proto.flunq.eventstore.v1.events_pb2 import Failure
from eventstore_server.sessions import SLOW_CONSUMER
from functions.rest.problems import InvalidBody

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import grpc

__all__ = ["CODES", "SessionClosed", "failure_of", "response_of", "status_of"]

_LOGGER = logging.getLogger(__name__)

_DOMAIN = "flunq.io"
"""The domain of `ErrorInfo`."""

CODES: Mapping[type[errors.EventstoreError], StatusCode] = {
    errors.Malformed: StatusCode.INVALID_ARGUMENT,
    errors.UnsupportedMediaType: StatusCode.INVALID_ARGUMENT,
    errors.InvalidEvent: StatusCode.INVALID_ARGUMENT,
    errors.InvalidStream: StatusCode.INVALID_ARGUMENT,
    errors.InvalidTarget: StatusCode.INVALID_ARGUMENT,
    errors.InvalidQuery: StatusCode.INVALID_ARGUMENT,
    errors.InvalidFilter: StatusCode.INVALID_ARGUMENT,
    errors.InvalidSchema: StatusCode.INVALID_ARGUMENT,
    errors.InvalidCursor: StatusCode.INVALID_ARGUMENT,
    errors.InvalidRequest: StatusCode.INVALID_ARGUMENT,
    errors.UnknownAction: StatusCode.INVALID_ARGUMENT,
    errors.TooLarge: StatusCode.INVALID_ARGUMENT,
    InvalidBody: StatusCode.INVALID_ARGUMENT,
    errors.TargetNotAllowed: StatusCode.FAILED_PRECONDITION,
    errors.NotSupported: StatusCode.UNIMPLEMENTED,
    errors.TooManySubscriptions: StatusCode.RESOURCE_EXHAUSTED,
    errors.WrongExpectedVersion: StatusCode.ABORTED,
    errors.WrongSubscriptionVersion: StatusCode.ABORTED,
    errors.WrongFilterVersion: StatusCode.ABORTED,
    errors.WrongSchemaVersion: StatusCode.ABORTED,
    errors.FilterInUse: StatusCode.FAILED_PRECONDITION,
    errors.EventConflict: StatusCode.ALREADY_EXISTS,
    errors.StreamConflict: StatusCode.ALREADY_EXISTS,
    errors.SubscriptionConflict: StatusCode.ALREADY_EXISTS,
    errors.AmbiguousEvent: StatusCode.FAILED_PRECONDITION,
    errors.SubscriptionHasMembers: StatusCode.FAILED_PRECONDITION,
    errors.SubscriptionHasTarget: StatusCode.FAILED_PRECONDITION,
    errors.StreamNotFound: StatusCode.NOT_FOUND,
    errors.EventNotFound: StatusCode.NOT_FOUND,
    errors.StreamGone: StatusCode.NOT_FOUND,
    errors.SubscriptionNotFound: StatusCode.NOT_FOUND,
    errors.FilterNotFound: StatusCode.NOT_FOUND,
    errors.SchemaNotFound: StatusCode.NOT_FOUND,
    errors.NothingParked: StatusCode.NOT_FOUND,
    errors.ConnectionNotFound: StatusCode.ABORTED,
    errors.NewEpoch: StatusCode.FAILED_PRECONDITION,
    errors.Unauthorized: StatusCode.UNAUTHENTICATED,
    errors.Forbidden: StatusCode.PERMISSION_DENIED,
    errors.StoreUnavailable: StatusCode.UNAVAILABLE,
    errors.OutcomeUnknown: StatusCode.UNAVAILABLE,
    errors.StoreFull: StatusCode.RESOURCE_EXHAUSTED,
    errors.StoreClosed: StatusCode.UNAVAILABLE,
    errors.QueueUnavailable: StatusCode.UNAVAILABLE,
    errors.ArchiveUnavailable: StatusCode.UNAVAILABLE,
    errors.TurnLost: StatusCode.UNAVAILABLE,
    errors.PartitionLeased: StatusCode.UNAVAILABLE,
    # An operator must act; a client that repeats its call changes nothing.
    errors.PartitionMismatch: StatusCode.FAILED_PRECONDITION,
    errors.ShardMismatch: StatusCode.FAILED_PRECONDITION,
    errors.FormatMismatch: StatusCode.FAILED_PRECONDITION,
    errors.BackendMismatch: StatusCode.FAILED_PRECONDITION,
    errors.IndexDiverged: StatusCode.FAILED_PRECONDITION,
    errors.ArchiveMismatch: StatusCode.FAILED_PRECONDITION,
}
_FALLBACKS: Mapping[type[errors.EventstoreError], StatusCode] = {
    errors.Invalid: StatusCode.INVALID_ARGUMENT,
    errors.Conflict: StatusCode.FAILED_PRECONDITION,
    errors.Absent: StatusCode.NOT_FOUND,
    errors.Refused: StatusCode.PERMISSION_DENIED,
    errors.Unavailable: StatusCode.UNAVAILABLE,
    errors.EventstoreError: StatusCode.INTERNAL,
}
_BY_REASON: Mapping[str, StatusCode] = {
    SLOW_CONSUMER: StatusCode.RESOURCE_EXHAUSTED,
    **{kind.code: code for kind, code in CODES.items()},
}
"""The codes of sessions that the server closes; every other reason is one to connect again for."""

_INTERNAL = "the hub failed; its log has the details"
_LONGEST_MESSAGE = 1000
_MOST_PLACES = 10
_MOST_DETAIL_BYTES = 3000
"""A client accepts 8 KiB of metadata, of which the message and these details are a part each."""


class SessionClosed(Exception):
    """The server ended the session of a call.

    Attributes:
        code: Stable, for programs.
        detail: A sentence for a person.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class _Described(NamedTuple):
    """An error, as every answer describes it."""

    code: StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str]
    places: Sequence[tuple[str, str]] = ()


def status_of(error: Exception) -> Status:
    """Return an error as a status. An error that is not of the hub is logged, and the status reveals nothing of it."""
    described = _described(error)
    info = ErrorInfo(reason=described.reason, domain=_DOMAIN, metadata=described.metadata)
    details = [_packed(info)]
    if described.places:
        violations = [
            BadRequest.FieldViolation(field=_clean(field), description=_clean(reason))
            for field, reason in described.places[:_MOST_PLACES]
        ]
        bad_request = BadRequest(field_violations=violations)
        if bad_request.ByteSize() < _MOST_DETAIL_BYTES:
            details.append(_packed(bad_request))
    if isinstance(error, errors.Unavailable):
        details.append(_packed(RetryInfo(retry_delay=Duration(seconds=1))))
    return Status(code=_number(described.code), message=described.message, details=details)


def response_of(error: Exception) -> grpc.Status:
    """Return the same as the end of a call: code, message, and the status in its metadata."""
    return to_status(status_of(error))


def failure_of(error: Exception) -> Failure:
    """Return an error as a message, for calls that go on after it."""
    described = _described(error)
    return Failure(
        code=_number(described.code),
        reason=described.reason,
        message=described.message,
        metadata=described.metadata,
    )


def _described(error: Exception) -> _Described:
    if isinstance(error, PartlyPublished) and isinstance(error.__cause__, Exception):
        cause = _described(error.__cause__)
        stored = [index for index, result in enumerate(error.results) if result is not None]
        message = f"{cause.message} (events of other streams were stored; publish the whole request again)"
        return cause._replace(message=message[:_LONGEST_MESSAGE], metadata={**cause.metadata, "stored": _list(stored)})
    if isinstance(error, SessionClosed):
        return _Described(_BY_REASON.get(error.code, StatusCode.UNAVAILABLE), error.code, _clean(error.detail), {})
    if not isinstance(error, errors.EventstoreError):
        _LOGGER.error("a call failed", exc_info=error)
        return _Described(StatusCode.INTERNAL, "internal", _INTERNAL, {})
    if isinstance(error, errors.Unavailable):
        _LOGGER.warning("%s: %s", error.code, error.detail)
    return _Described(_code(type(error)), error.code, _clean(error.detail), _metadata(error), _places(error))


def _code(kind: type[errors.EventstoreError]) -> StatusCode:
    return next(table[base] for table in (CODES, _FALLBACKS) for base in kind.__mro__ if base in table)


def _metadata(error: errors.EventstoreError) -> Mapping[str, str]:
    """Return what programs can read, by the names that problems of REST have."""
    match error:
        case errors.InvalidFilter():
            values: dict[str, object] = {"pointer": error.pointer, "position": error.position}
        case errors.Invalid() | errors.Forbidden():
            values = {"pointer": error.pointer}
        case errors.WrongExpectedVersion():
            values = {"stream": error.stream, "expected": error.expected, "actual": error.actual}
        case errors.WrongSubscriptionVersion():
            values = {"subscription": error.name, "version": error.actual}
        case errors.WrongFilterVersion():
            values = {"filter": error.name, "version": error.actual}
        case errors.WrongSchemaVersion():
            values = {"event_type": error.name, "version": error.actual}
        case errors.FilterInUse():
            values = {"filter": error.name, "subscription": error.subscription}
        case errors.EventConflict():
            values = {"stream": error.stream, "sequence": error.sequence, "index": error.index}
        case errors.AmbiguousEvent():
            candidates = error.candidates[:_MOST_PLACES]
            values = {f"candidate{number}": f"{stream} {source}" for number, (stream, source) in enumerate(candidates)}
        case _:
            values = {}
    return {name: _clean(str(value))[:200] for name, value in values.items() if value not in {None, ""}}


def _places(error: errors.EventstoreError) -> Sequence[tuple[str, str]]:
    if isinstance(error, InvalidBody):
        return error.places
    if isinstance(error, errors.Invalid | errors.Forbidden) and error.pointer:
        return [(error.pointer, error.detail)]
    return ()


def _packed(message: ErrorInfo | BadRequest | RetryInfo) -> PackedAny:
    packed = PackedAny()
    packed.Pack(message)
    return packed


def _number(code: StatusCode) -> int:
    number: int = code.value[0]
    return number


def _list(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))[:200]


def _clean(text: str) -> str:
    """Return a text that protobuf can carry, which has no surrogates, and that is not too long for metadata."""
    return text[:_LONGEST_MESSAGE].encode(errors="replace").decode()
