"""How a command fails: its exit code, and the error as text or as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from eventstore.errors import EventstoreError
from eventstore_client.cli.parsers import UsageError
from eventstore_client.cli.wording import in_commands
from eventstore_client.errors import (
    BadInput,
    ConnectFailed,
    HistoryLost,
    LoadFailed,
    LoadInterrupted,
    ProblemError,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["INTERRUPTED", "OUTPUT_CLOSED", "REJECTED", "UNAVAILABLE", "USAGE", "Failure", "failure_of"]

REJECTED = 1
"""The exit code if the hub rejects the request, the input is invalid, or the output cannot be written."""

USAGE = 2
"""The exit code of invalid arguments."""

UNAVAILABLE = 3
"""The exit code if the hub is unavailable."""

INTERRUPTED = 130
"""The exit code after SIGINT, as shells have it."""

OUTPUT_CLOSED = 141
"""The exit code if the reader of standard output closed it before the end, as shells have it after SIGPIPE."""

_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as the command line reports it.

    Attributes:
        exit_code: The exit code of the command.
        code: The name of the error, which is stable: that of the hub's problem, or of the client's error.
        lines: The error for people; each line is one message.
        members: Further members of the error as JSON.
    """

    exit_code: int
    code: str
    lines: Sequence[str]
    members: Mapping[str, Any] = field(default_factory=dict)

    def encoded(self) -> str:
        """Return the error as one line of JSON."""
        error = {"code": self.code, "detail": "; ".join(self.lines), "exit_code": self.exit_code, **self.members}
        return json.dumps(error, ensure_ascii=False)


def failure_of(error: BaseException) -> Failure:
    """Return how an error is reported."""
    match error:
        case UsageError():
            failure = Failure(USAGE, "invalid-arguments", [str(error)], {"command": error.program})
        case KeyboardInterrupt():
            failure = Failure(INTERRUPTED, "interrupted", ["interrupted"])
        case BadInput():
            failure = Failure(REJECTED, "bad-input", error.places)
        case LoadFailed():
            failure = _failed_load(error)
        case ProblemError():
            detail = in_commands(error.detail)
            members = {"detail": detail, "status": error.status, "problem": {**error.problem}}
            failure = Failure(_exit_code(error), error.code, [in_commands(str(error))], members)
        case HistoryLost():
            failure = Failure(REJECTED, "history-lost", [str(error)], {"cursor": error.cursor})
        case EventstoreError():
            failure = Failure(REJECTED, error.code, [str(error)])
        case OSError():
            failure = Failure(REJECTED, "output-failed", [f"cannot write the output: {error}"])
        case _:
            failure = Failure(_exit_code(error), _CAPITAL.sub("-", type(error).__name__).lower(), [str(error)])
    return failure


def _failed_load(error: LoadFailed) -> Failure:
    lines = [str(error), str(error.summary)]
    summary = {"summary": asdict(error.summary)}
    if isinstance(error, LoadInterrupted):
        return Failure(INTERRUPTED, "interrupted", lines, summary)
    cause = error.__cause__
    code = failure_of(cause).code if cause is not None else "load-failed"
    return Failure(_exit_code(cause), code, lines, summary)


def _exit_code(error: BaseException | None) -> int:
    return UNAVAILABLE if isinstance(error, ConnectFailed | Unavailable) else REJECTED
