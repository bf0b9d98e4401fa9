"""Intercepts every external call of the hub; a process may crash at any of them.

Several processes take turns: one runs at a time, and at each call the wiring draws which one goes on.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from random import Random

__all__ = ["Killed", "Process", "Wired", "Wiring"]

_ENDLESS = 20_000
"""Calls of one process after which it never comes to an end."""


_PATIENCE = 60
"""Seconds that two processes may take."""


class Killed(BaseException):
    """The process has ended."""


@dataclass
class Process:
    """One invocation of a function.

    Attributes:
        dies_at: The number of the call, from 1, at which it ends; 0 if it does not.
        dies_after: Whether right after that call, rather than right before it.
    """

    dies_at: int = 0
    dies_after: bool = False
    calls: int = 0
    dead: bool = False

    def check(self, *, after: bool) -> None:
        """Return unless the process ends here, or has ended."""
        if self.calls == self.dies_at and after == self.dies_after:
            self.dead = True
        if self.dead:
            raise Killed


class Wiring:
    """Knows which process runs, and lets it end, wait or go on."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._local = threading.local()
        self._running: list[_Runner] = []

    def call(self, do: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is called answers it
        """Make a call for the process that runs."""
        process: Process | None = getattr(self._local, "process", None)
        if process is None:
            return do()
        process.calls += 1
        if process.calls > _ENDLESS:
            raise Violation("a function comes to an end", f"it made {_ENDLESS} calls")
        self._let_others_run()
        process.check(after=False)
        answer = do()
        process.check(after=True)
        return answer

    def run(self, process: Process, do: Callable[[], Any]) -> Any:  # noqa: ANN401 - as above
        """Run a function as a process; raises `Killed` if it ends."""
        self._local.process = process
        try:
            return do()
        finally:
            self._local.process = None

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is done meanwhile is not done by the process that runs, which waits for it."""
        process: Process | None = getattr(self._local, "process", None)
        self._local.process = None
        try:
            yield
        finally:
            self._local.process = process

    def run_together(self, jobs: Sequence[tuple[Process, Callable[[], Any]]]) -> list[BaseException | None]:
        """Run several processes, one call of each at a time, in an order that is drawn; what each of them raised."""
        self._running = [_Runner(self, process, do) for process, do in jobs]
        runners = list(self._running)
        done = threading.Semaphore(0)
        for runner in runners:
            runner.start(done)
        self._rng.choice(self._running).go.release()
        for _ in runners:
            if not done.acquire(timeout=_PATIENCE):
                raise Violation("a function comes to an end", "two of them wait for each other")
        for runner in runners:
            runner.join()
        self._running = []
        return [runner.raised for runner in runners]

    def _let_others_run(self) -> None:
        own: _Runner | None = getattr(self._local, "runner", None)
        if own is None or len(self._running) == 1:
            return
        following = self._rng.choice(self._running)
        if following is not own:
            following.go.release()
            own.go.acquire()

    def _ended(self, runner: _Runner) -> None:
        self._running.remove(runner)
        if self._running:
            self._rng.choice(self._running).go.release()


class _Runner:
    """A process in a thread that runs while it has the baton."""

    def __init__(self, wiring: Wiring, process: Process, do: Callable[[], Any]) -> None:
        self.go = threading.Semaphore(0)
        self.raised: BaseException | None = None
        self._wiring = wiring
        self._process = process
        self._do = do
        self._thread: threading.Thread | None = None

    def start(self, done: threading.Semaphore) -> None:
        self._thread = threading.Thread(target=self._work, args=(done,), daemon=True)
        self._thread.start()

    def join(self) -> None:
        assert self._thread is not None
        self._thread.join()

    def _work(self, done: threading.Semaphore) -> None:
        self.go.acquire()
        self._wiring._local.runner = self
        try:
            self._wiring.run(self._process, self._do)
        except BaseException as error:  # noqa: BLE001 - the caller inspects it
            self.raised = error
        finally:
            self._wiring._ended(self)
            done.release()


class Wired:
    """A port or a client whose calls pass the wiring; what a pipeline gathers has its effect when it is executed."""

    def __init__(self, wiring: Wiring, port: Any) -> None:  # noqa: ANN401 - it looks the same afterwards
        self._wiring = wiring
        self._port = port

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        found = getattr(self._port, name)
        if name == "pipeline":
            return lambda **options: Wired(self._wiring, found(**options))
        if not callable(found) or (type(self._port).__name__ == "Pipeline" and name != "execute"):
            return found
        wiring = self._wiring

        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
            return wiring.call(lambda: found(*args, **kwargs))

        return call
