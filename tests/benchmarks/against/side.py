"""One tree's process in a round, as the comparing process sees it."""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Self

from eventstore_hosting.lifeline import Lifeline
from tests.benchmarks.against.trees import require_own

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.benchmarks.against.trees import Tree

__all__ = ["Described", "Side", "SideError"]

_END_WITHIN = 30.0
_LAST_WORDS = 2_000


class SideError(Exception):
    """The process of a tree ended too early; the message has its last output."""


@dataclass(frozen=True, slots=True)
class Described:
    """A task as the process describes it; see `workloads.Task`."""

    what: str
    unit: str
    amount: int
    pairs: int

    def shown(self, cost: float) -> str:
        """What readers are shown of a cost."""
        match self.unit:
            case "ms":
                return f"{cost * 1000:.2f} ms"
            case "times":
                return f"{cost:.3f} ×"  # noqa: RUF001 - the sign for "times"
            case _:
                return f"{self.amount / cost:,.0f} {self.unit}"


class Side:
    """A process that runs blocks of one subject on request; see `started`."""

    def __init__(self, process: subprocess.Popen[str], output: IO[bytes]) -> None:
        self._process = process
        self._output = output
        self.tasks: Mapping[str, Described] = {}
        self._numbers: Mapping[str, int] = {}

    @classmethod
    @contextmanager
    def started(cls, tree: Tree, subject: str) -> Iterator[Self]:
        """A process for a block; it is not yet known to be ready."""
        with tempfile.TemporaryFile() as output, Lifeline(ending=signal.SIGTERM) as lifeline:
            process = subprocess.Popen(
                [tree.python, "-m", "tests.benchmarks.against.worker", subject],
                cwd=tree.root,
                env=tree.variables(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                process_group=lifeline.group,
            )
            try:
                yield cls(process, output)
            finally:
                cls._end(process)

    def await_ready(self, tree: Tree) -> None:
        """Return when it can run blocks, all warm.

        Raises:
            SideError: It does not get that far.
            ForeignCodeError: It has imported the code of another tree.
        """
        ready = json.loads(self._answer())
        require_own(tree.root, ready["files"])
        self.tasks = {task["what"]: Described(**task) for task in ready["tasks"]}
        self._numbers = {what: number for number, what in enumerate(self.tasks)}

    def run(self, what: str) -> float:
        """Run a block: what it cost.

        Raises:
            SideError: The process ended instead.
        """
        with suppress(BrokenPipeError):
            print(self._numbers[what], file=self._process.stdin, flush=True)
        return float(self._answer())

    def _answer(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            self._process.wait()
            self._output.seek(0)
            words = self._output.read().decode(errors="replace")[-_LAST_WORDS:].strip()
            raise SideError(words or f"it ended with status {self._process.returncode}")
        return line

    @staticmethod
    def _end(process: subprocess.Popen[str]) -> None:
        # It ends by itself when there is nothing to read; in the midst of a block, by the signal.
        process.terminate()
        try:
            process.wait(timeout=_END_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
