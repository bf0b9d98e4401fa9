"""Processes that end at a named point: right before or right after a call of something outside."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
        killed: Whether the process ended where it was to end.
    """

    def __init__(self) -> None:
        self.killed = False
        self._at: Point | None = None
        self._calls: Counter[tuple[str, str]] | None = None
        self._moments: list[list[Point]] = [[]]
        self._dead = False

    def arm(self, at: Point | None) -> None:
        """From here on count calls, and end the process at a point."""
        self._at, self._calls, self._moments = at, Counter(), [[]]

    def disarm(self) -> None:
        """Let all be as it is from here on."""
        self._at, self._calls = None, None

    def restart(self) -> None:
        """Let another process take the place of the one that has ended."""
        self._dead = False

    @property
    def passed(self) -> Sequence[Sequence[Point]]:
        """The points that were passed since `arm`. Those between two effects stand together: the world is the same."""
        return self._moments

    def wrap(self, port: Any) -> Any:  # noqa: ANN401 - whatever it is, it looks the same afterwards
        """The same, with points at its calls, under the name of its class."""
        return _Faulty(self, port)

    def call(self, port: str, method: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - as above
        """Make a call, unless the process ends there."""
        if self._calls is None:
            return call()
        self._calls[port, method] += 1
        number, calls = self._calls[port, method], self._calls.total()
        self._pass(Point(port, method, number, after=False))
        answer = call()
        if self._calls.total() == calls:
            # Nothing within it was seen: the effect is its own.
            self._moments.append([])
        self._pass(Point(port, method, number, after=True))
        return answer

    def _pass(self, point: Point) -> None:
        if point == self._at:
            self._dead = self.killed = True
        if self._dead:
            raise Killed(str(point))
        self._moments[-1].append(point)


class _Faulty:
    def __init__(self, faults: Faults, port: Any) -> None:  # noqa: ANN401 - as above
        self._faults = faults
        self._port = port

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        found = getattr(self._port, name)
        kind = type(self._port).__name__
        if name == "pipeline":
            return lambda **options: self._faults.wrap(found(**options))
        # What a pipeline gathers has its effect when it is executed.
        if not callable(found) or (kind == "Pipeline" and name != "execute"):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
            return self._faults.call(kind, name, lambda: found(*args, **kwargs))

        return call
