"""What can go wrong, as callers tell it apart.

ClientError
├── ProblemError                        the hub refused, and said why
│   ├── Invalid                         the request itself is wrong: correct it, sending it again does not help
│   │   └── TooLarge                    more bytes or events than the hub takes at once: send fewer, or smaller ones
│   ├── Conflict                        the hub holds something else: read it, then decide
│   │   ├── WrongExpectedVersion        the stream does not end where the caller believes
│   │   └── EventConflict               the stream holds another event under the same source and id
│   ├── NotFound                        it is not there, or not there yet
│   ├── Gone                            it was there and will not come back: use another name, or start over
│   ├── Denied                          the credential is missing, wrong, or allows something else: show another one
│   └── Unavailable                     nothing is wrong with the request: send it again later, it is safe
├── NoCredentials                       there is nothing to show to the hub: mend where credentials come from
├── Unencrypted                         what is shown could be read on the way: give an address of https or wss
├── ConnectFailed                       nobody answers at the address: start the hub, or correct the address
├── UnexpectedAnswer                    what answers is not this hub, or a version that this client does not know
├── HistoryLost                         events are gone that a subscription had not come to: decide, then go on behind
├── WrongProcess                        a subscription or worker of before a fork: make another one in this process
├── BadInput                            a file cannot be loaded: correct it at the places named
└── LoadFailed                          a load ended early: mend the cause, run it again, and it goes on where it was
    └── LoadInterrupted                 the same, because somebody asked for it
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
    "problem_error",
    "refusal",
]


class ClientError(Exception):
    """Every error that this package raises on purpose; its text is one line for a person."""


class ConnectFailed(ClientError):
    """Nobody answers at the address, or the connection broke every time it was tried."""


class ProblemError(ClientError):
    """The hub refused, and said why (RFC 9457).

    Attributes:
        status: The HTTP status; None if it was refused over WebSocket, which has none.
        code: Stable across versions of the hub; programs may branch on it.
        detail: What is wrong, and what would be right.
        errors: Each rule broken, with the `pointer` to its place in the request, where the hub lists them.
        problem: All members of the problem; a publish to several streams that failed for one of them has `results`.
    """

    def __init__(self, *, status: int | None, code: str, detail: str, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{detail} ({code})" if status is None else f"{detail} ({code}, HTTP {status})")
        self.status = status
        self.code = code
        self.detail = detail
        self.problem = problem

    @property
    def errors(self) -> Sequence[Mapping[str, Any]]:
        """As the class says; empty where the hub lists none."""
        listed = self.problem.get("errors")
        return [error for error in listed if isinstance(error, dict)] if isinstance(listed, list) else []


class Invalid(ProblemError):
    """The request breaks a rule of CloudEvents or of the hub; nothing was stored."""


class TooLarge(Invalid):
    """More than the hub takes at once."""


class Conflict(ProblemError):
    """The hub holds something else than the caller believes; nothing was changed."""


class WrongExpectedVersion(Conflict):
    """The stream ends elsewhere; `problem["actual"]` says where."""


class EventConflict(Conflict):
    """The stream holds another event under the same source and id."""


class NotFound(ProblemError):
    """No such stream or event."""


class Gone(ProblemError):
    """The stream was deleted for good, or the store was made anew since the cursor was given."""


class Denied(ProblemError):
    """Who asks may not: what was shown is missing, wrong or expired, or allows something else. Nothing was done."""


class Unavailable(ProblemError):
    """The hub, or its store, does not answer for now. Publishing again is safe: an event is stored once."""


class NoCredentials(ClientError):
    """There is nothing to show: a token cannot be had, or a library is missing that signs."""


class Unencrypted(ClientError):
    """A credential is not sent in the clear, except within this machine. Nothing was sent."""


class UnexpectedAnswer(ClientError):
    """The answer is none that the hub gives."""


class HistoryLost(ClientError):
    """Events were removed, or the store was made anew, before a subscription or a reading had come to them.

    Attributes:
        loss: What is gone, as far as the hub can tell.
        cursor: Goes on behind the loss. The subscription's own cursor still stands before it, so that a loss nobody
            decided about is told again. Empty where a stream was read: go on with `start` behind the loss.
    """

    def __init__(self, loss: Loss, *, cursor: str) -> None:
        super().__init__(str(loss))
        self.loss = loss
        self.cursor = cursor


class WrongProcess(ClientError):
    """A connection that a subscription or a worker opened belongs to the process that forked this one."""


class BadInput(ClientError):
    """Input that cannot be loaded.

    Attributes:
        places: One line for each fault found, with the file and the line or element.
    """

    def __init__(self, places: Sequence[str]) -> None:
        super().__init__("; ".join(places))
        self.places = tuple(places)


class LoadFailed(ClientError):
    """A load ended early; what `summary` counts is stored."""

    def __init__(self, detail: str, *, summary: Summary) -> None:
        super().__init__(detail)
        self.summary = summary


class LoadInterrupted(LoadFailed):
    """A load was stopped on request; what was in flight was waited for."""


_BY_CODE: Mapping[str, type[ProblemError]] = {
    "event-conflict": EventConflict,
    "forbidden": Denied,
    "internal": Unavailable,
    "store-full": Unavailable,
    "store-unavailable": Unavailable,
    "stream-gone": Gone,
    "subscription-conflict": Conflict,
    "subscription-not-found": NotFound,
    "too-large": TooLarge,
    "too-many-subscriptions": Conflict,
    "unauthorized": Denied,
    "wrong-expected-version": WrongExpectedVersion,
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

_NOTHING = "no credentials: pass credentials=, or --token, --api-key or --aws-iam"


def problem_error(status: int, body: bytes, *, shown: object = None) -> ClientError:
    """The error that an answer stands for; gateways' own bodies, which are no problems, are understood by status.

    Args:
        status: The HTTP status.
        body: What came with it.
        shown: The credentials that were shown.
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
        return UnexpectedAnswer(f"HTTP {status}, which the hub never answers here: {detail}")
    if kind is Denied:
        detail = f"{detail}; the request was sent with {shown or _NOTHING}"
    return kind(status=status, code=code, detail=detail, problem=problem)


def refusal(message: Mapping[str, Any]) -> ProblemError:
    """The error that a message of type `error` stands for (docs/protocol.md, "Requests and errors")."""
    code = str(message.get("code") or "unnamed")
    invalid = code in {"malformed", "unknown-action"} or code.startswith("invalid-")
    kind = _BY_CODE.get(code) or (Invalid if invalid else ProblemError)
    detail = str(message.get("detail") or "no reason given")
    where = f"{detail} (at {message['pointer']})" if message.get("pointer") else detail
    return kind(status=None, code=code, detail=where, problem=message)


def _by_class(status: int) -> type[ProblemError] | None:
    # Every 5xx is worth another try: a function that dies answers 502 by its gateway, and the next one may live.
    if status >= 500:  # noqa: PLR2004 - the class of server errors (RFC 9110, 15.6)
        return Unavailable
    return Invalid if status >= 400 else None  # noqa: PLR2004 - the class of client errors (RFC 9110, 15.5)


def _excerpt(body: bytes) -> str:
    text = " ".join(body[:200].decode(errors="replace").split())
    return text or "no reason given"
