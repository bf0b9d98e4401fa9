"""The errors that the client raises.

ClientError
├── ProblemError                        the hub rejected the request; `code` and `detail` say why
│   ├── Invalid                         the request is invalid: correct it; retrying does not help
│   │   └── TooLarge                    the request is too large: send fewer or smaller events
│   ├── Conflict                        the hub's state differs from what the caller expects: read it, then decide
│   │   ├── WrongExpectedVersion        the stream does not end at the expected sequence
│   │   ├── WrongVersion                the definition was changed since it was read
│   │   └── EventConflict               the stream holds another event of the same source and id
│   ├── NotFound                        the resource does not exist, or not yet
│   ├── Gone                            the resource was deleted permanently: use another name, or start over
│   ├── Denied                          the credentials are missing, invalid or not sufficient: use other credentials
│   └── Unavailable                     the hub cannot process the request for now: retry later, which is safe
├── NoCredentials                       credentials are configured and not available: correct their source
├── Unencrypted                         credentials would be sent unencrypted: use an https or wss address
├── ConnectFailed                       the address does not respond: start the hub, or correct the address
├── UnexpectedAnswer                    the response is not from a hub, or from a version that this client does not know
├── HistoryLost                         events were removed before they were received: decide, then resume behind them
├── WrongProcess                        the subscription or worker was created before a fork: create one in this process
├── BadInput                            a file cannot be loaded: correct it at the places named
└── LoadFailed                          a load ended early: correct the cause and run it again; it resumes
    └── LoadInterrupted                 a load ended early because it was interrupted
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore_client.losses import Loss
    from eventstore_client.summary import Summary

__all__ = [
    "BadInput",
    "ClientError",
    "Conflict",
    "ConnectFailed",
    "Denied",
    "EventConflict",
    "Gone",
    "HistoryLost",
    "Invalid",
    "LoadFailed",
    "LoadInterrupted",
    "NoCredentials",
    "NotFound",
    "ProblemError",
    "TooLarge",
    "Unavailable",
    "Unencrypted",
    "UnexpectedAnswer",
    "WrongExpectedVersion",
    "WrongProcess",
    "WrongVersion",
    "full_detail",
    "kind_of",
    "problem_error",
    "refusal",
]


class ClientError(Exception):
    """The base class of all errors of this package. The text is one line, written for people."""


class ConnectFailed(ClientError):
    """The address does not respond, or every connection to it was lost."""


class ProblemError(ClientError):
    """The hub rejected the request with a problem (RFC 9457).

    Attributes:
        status: The HTTP status; None over WebSocket and gRPC, which have none.
        code: The error code, which is stable across versions of the hub; programs may branch on it.
        detail: What is wrong, and what is accepted instead.
        problem: All members of the problem. A publish to several streams that failed for one of them has `results`.
    """

    def __init__(self, *, status: int | None, code: str, detail: str, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{detail} ({code})" if status is None else f"{detail} ({code}, HTTP {status})")
        self.status = status
        self.code = code
        self.detail = detail
        self.problem = problem

    @property
    def errors(self) -> Sequence[Mapping[str, Any]]:
        """The rules that the request breaks, each with a `pointer` into the request; empty if the hub lists none."""
        return _errors(self.problem)


class Invalid(ProblemError):
    """The request violates a rule of CloudEvents or of the hub; nothing was stored."""


class TooLarge(Invalid):
    """The request exceeds a size limit of the hub."""


class Conflict(ProblemError):
    """The hub's state differs from what the caller expects; nothing was changed."""


class WrongExpectedVersion(Conflict):
    """The stream ends at another sequence, `actual`."""

    @property
    def actual(self) -> int | None:
        """The sequence of the stream's last event; None if the hub does not report it."""
        actual = self.problem.get("actual")
        return actual if isinstance(actual, int) else None


class WrongVersion(Conflict):
    """A durable subscription or a named filter has another definition than the expected one: get it, then decide."""


class EventConflict(Conflict):
    """The stream holds another event of the same source and id."""


class NotFound(ProblemError):
    """The stream, event or subscription does not exist."""


class Gone(ProblemError):
    """The stream was deleted permanently, or the store was reset since the cursor was issued."""


class Denied(ProblemError):
    """The credentials are missing, invalid, expired or not sufficient for the request. Nothing was changed."""


class Unavailable(ProblemError):
    """The hub or its store is not available for now. Publishing again is safe: an event is stored once."""


class NoCredentials(ClientError):
    """The configured credentials are not available: no token was issued, or the library that signs is missing."""


class Unencrypted(ClientError):
    """Credentials are sent unencrypted only within this machine. Nothing was sent."""


class UnexpectedAnswer(ClientError):
    """The response is not one that a hub sends."""


class HistoryLost(ClientError):
    """Events were removed, or the store was reset, before a subscription or a read reached them.

    Attributes:
        loss: The events that were lost, as far as the hub knows.
        cursor: Resumes behind the loss. The subscription's own cursor is still before it, so that a loss which was not
            accepted is reported again. Empty for a read of a stream, which resumes with `start` behind the loss, and
            for a search, which resumes with `on_loss`.
    """

    def __init__(self, loss: Loss, *, cursor: str) -> None:
        super().__init__(str(loss))
        self.loss = loss
        self.cursor = cursor


class WrongProcess(ClientError):
    """The subscription or worker belongs to the process that forked this one."""


class BadInput(ClientError):
    """The input cannot be loaded.

    Attributes:
        places: One line for each fault, with the file and the line or element.
    """

    def __init__(self, places: Sequence[str]) -> None:
        super().__init__("; ".join(places))
        self.places = tuple(places)


class LoadFailed(ClientError):
    """A load ended early; the events that `summary` counts are stored."""

    def __init__(self, detail: str, *, summary: Summary) -> None:
        super().__init__(detail)
        self.summary = summary


class LoadInterrupted(LoadFailed):
    """A load was interrupted; the requests in progress were completed."""


_TRANSIENT = (
    "backend-mismatch",
    "format-mismatch",
    "index-diverged",
    "internal",
    "outcome-unknown",
    "partition-mismatch",
    "queue-unavailable",
    "shard-mismatch",
    "store-closed",
    "store-full",
    "store-unavailable",
    "unavailable",
)
"""The codes of what has nothing to do with the request: over REST, all have a status of the class 5xx."""

_BY_CODE: Mapping[str, type[ProblemError]] = {
    **dict.fromkeys(_TRANSIENT, Unavailable),
    "event-conflict": EventConflict,
    "filter-not-found": NotFound,
    "forbidden": Denied,
    "not-supported": Invalid,
    "stream-gone": Gone,
    "subscription-conflict": Conflict,
    "subscription-has-members": Conflict,
    "subscription-has-target": Conflict,
    "subscription-not-found": NotFound,
    "too-large": TooLarge,
    "too-many-subscriptions": Conflict,
    "unauthorized": Denied,
    "wrong-expected-version": WrongExpectedVersion,
    "wrong-filter-version": WrongVersion,
    "wrong-schema-version": WrongVersion,
    "wrong-subscription-version": WrongVersion,
}
_BY_STATUS: Mapping[int, type[ProblemError]] = {
    401: Denied,
    403: Denied,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    410: Gone,
    412: WrongExpectedVersion,
    413: TooLarge,
    429: Unavailable,
}

_NO_CREDENTIALS = "no credentials: pass credentials=, or --token, --api-key or --aws-iam"


def problem_error(status: int, body: bytes, *, credentials: object = None) -> ClientError:
    """Return the error for a response. Without a problem in its body, as gateways send it, the status decides.

    Args:
        status: The HTTP status of the response.
        body: The body of the response.
        credentials: The credentials of the request; None if there were none.
    """
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {}
    code = str(problem.get("code") or f"http-{status}")
    detail = str(problem.get("detail") or problem.get("title") or problem.get("message") or _excerpt(body))
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status) or _by_class(status)
    if kind is None:
        return UnexpectedAnswer(f"unexpected response with HTTP {status}: {detail}")
    return kind(
        status=status, code=code, detail=full_detail(kind, detail, problem, credentials=credentials), problem=problem
    )


def full_detail(
    kind: type[ProblemError], detail: str, problem: Mapping[str, Any], *, credentials: object = None
) -> str:
    """Return the detail of an error with the place in the request, or the credentials, which it concerns.

    Args:
        kind: The class of the error.
        detail: The detail of the problem.
        problem: All members of the problem.
        credentials: The credentials of the request; None if there were none.
    """
    pointer = next((str(error.get("pointer") or "") for error in _errors(problem)), "")
    if pointer.startswith("/") and pointer not in detail:
        detail = f"{detail} (at {pointer})"
    if kind is Denied:
        detail = f"{detail}; the request was sent with {credentials or _NO_CREDENTIALS}"
    return detail


def kind_of(code: str, *, otherwise: type[ProblemError]) -> type[ProblemError]:
    """Return the class of an error by its code, or `otherwise` if the code does not decide it."""
    return _BY_CODE.get(code, otherwise)


def refusal(message: Mapping[str, Any]) -> ProblemError:
    """Return the error for a message of type `error` (docs/protocol.md, "Requests and errors")."""
    code = str(message.get("code") or "unnamed")
    invalid = code in {"malformed", "unknown-action"} or code.startswith("invalid-")
    kind = kind_of(code, otherwise=Invalid if invalid else ProblemError)
    detail = str(message.get("detail") or "no reason given")
    located = f"{detail} (at {message['pointer']})" if message.get("pointer") else detail
    return kind(status=None, code=code, detail=located, problem=message)


def _errors(problem: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    errors = problem.get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _by_class(status: int) -> type[ProblemError] | None:
    # Every 5xx is retried: the gateway answers 502 for a function that crashed, and the next invocation may succeed.
    if status >= 500:  # noqa: PLR2004 - the class of server errors (RFC 9110, 15.6)
        return Unavailable
    return Invalid if status >= 400 else None  # noqa: PLR2004 - the class of client errors (RFC 9110, 15.5)


def _excerpt(body: bytes) -> str:
    text = " ".join(body[:200].decode(errors="replace").split())
    return text or "no reason given"
