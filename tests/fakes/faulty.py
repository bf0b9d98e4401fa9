"""Processes that end at a named point: right before or right after a call of something outside."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Faults", "Killed", "Point"]


class Killed(BaseException):
    """The process has ended."""


@dataclass(frozen=True, slots=True)
class Point:
    """Right before, or right after, the n-th call of a method, counted from 1."""

    port: str
    method: str
    call: int
    after: bool

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} call {self.call} of {self.port}.{self.method}"


class Faults:
    """Sees every call of what it wraps, and ends the process at one of them.

    A process that has ended does nothing more, whatever its code has in store for exceptions: all that is wrapped
    refuses every call, until `restart`.

    Attributes:
        at: Where the process is to end; None for nowhere.
        passed: The points that were passed since `arm`, in order.
        killed: Whether the process ended there.
    """

    def __init__(self) -> None:
        self.at: Point | None = None
        self.passed: list[Point] = []
        self.killed = False
        self._calls: Counter[tuple[str, str]] | None = None
        self._dead = False

    def arm(self, at: Point | None) -> None:
        """Count calls from here on."""
        self.at, self._calls, self.passed = at, Counter(), []

    def disarm(self) -> None:
        """Let all be as it is from here on."""
        self.at, self._calls = None, None

    def restart(self) -> None:
        """Let another process take the place of the one that has ended."""
        self._dead = False

    def wrap(self, port: Any, name: str = "") -> Any:  # noqa: ANN401 - whatever it is, it looks the same afterwards
        """The same, with points at its calls, under the name of its class unless another is given."""
        return _Faulty(self, port, name or type(port).__name__)

    def call(self, port: str, method: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - as above
        """Make a call, unless the process ends there."""
        if self._calls is None:
            return call()
        self._calls[port, method] += 1
        number = self._calls[port, method]
        self._pass(Point(port, method, number, after=False))
        answer = call()
        self._pass(Point(port, method, number, after=True))
        return answer

    def _pass(self, point: Point) -> None:
        if point == self.at:
            self._dead = self.killed = True
        if self._dead:
            raise Killed(str(point))
        self.passed.append(point)


class _Faulty:
    def __init__(self, faults: Faults, port: Any, name: str) -> None:  # noqa: ANN401 - as above
        self._faults = faults
        self._port = port
        self._name = name

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        found = getattr(self._port, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
            answer = self._faults.call(self._name, name, lambda: found(*args, **kwargs))
            # Commands that are gathered first have their effect later.
            return self._faults.wrap(answer, "pipeline") if name == "pipeline" else answer

        return call
