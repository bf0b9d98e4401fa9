"""The process of the hub, and what it is asked to do: a line of JSON, answered by a line of JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self, cast

__all__ = ["HubFailed", "HubProcess"]

# The hub's own modules come from where this one is. The folder of the tests is not searched: it may have a `functions`.
_PROGRAM = "import sys; sys.path.append(sys.argv[1]); from eventstore_testing.program import main; main()"
_FOLDER = Path(__file__).parents[1]
_ENDED_WITHIN = 10.0
_SHOWN = 2000
"""Characters of what it wrote last."""


class HubFailed(Exception):
    """The hub of the tests does not run; the message says why."""


@dataclass(frozen=True, slots=True)
class HubProcess:
    """The process. It ends with its parent, whose end closes its standard input.

    Attributes:
        process: The child.
        errors: What it writes to standard error.
        ports: The ports of REST and WebSocket, and of gRPC.
    """

    process: subprocess.Popen[str]
    errors: IO[str]
    ports: tuple[int, int]
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def start(cls) -> Self:
        """Start the process, and return when the hub is ready.

        Raises:
            HubFailed: It did not start.
        """
        errors = tempfile.TemporaryFile("w+", prefix="eventstore-hub-", errors="replace")  # noqa: SIM115 - closed by `stop`
        command = [sys.executable, "-P", "-c", _PROGRAM, str(_FOLDER)]
        process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            # Ctrl-C is for the tests, whose fixtures then end the hub.
            process_group=0,
        )
        try:
            http, grpc = _answer(process, errors)
        except BaseException:
            process.kill()
            process.communicate()
            errors.close()
            raise
        return cls(process, errors, (http, grpc))

    def call(self, command: str, *arguments: int) -> int:
        """Have the process do something, and return its answer.

        Raises:
            HubFailed: It could not, or has ended.
        """
        with self._lock:
            try:
                commands = cast("IO[str]", self.process.stdin)
                commands.write(json.dumps([command, *arguments]) + "\n")
                commands.flush()
            except (OSError, ValueError) as error:
                raise HubFailed(f"the hub has ended: {self.errors_shown()}") from error
            return int(_answer(self.process, self.errors) or 0)

    def errors_shown(self) -> str:
        """Return what it wrote last to standard error."""
        return "" if self.errors.closed else _last(self.errors)

    def stop(self) -> None:
        """End the process. It may be called again."""
        try:
            self.process.communicate(timeout=_ENDED_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
        except ValueError:
            # It has been stopped before.
            return
        finally:
            self.errors.close()


def _answer(process: subprocess.Popen[str], errors: IO[str]) -> Any:  # noqa: ANN401 - the answer is the command's
    line = cast("IO[str]", process.stdout).readline()
    if not line:
        raise HubFailed(f"the hub has ended: {_last(errors)}")
    answer = json.loads(line)
    if "failed" in answer:
        raise HubFailed(answer["failed"])
    return answer["done"]


def _last(errors: IO[str]) -> str:
    errors.seek(0)
    return errors.read()[-_SHOWN:]
