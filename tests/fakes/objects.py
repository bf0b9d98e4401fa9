"""Objects that are interrupted: a process that dies, a call that fails or is late, others that act meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eventstore.errors import ArchiveUnavailable
from tests.fakes.faulty import Killed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventstore.ports.objects import ListedObject, ObjectKey, Objects, ObjectVersion, StoredObject

__all__ = [
    "CountedObjects",
    "InterruptedObjects",
    "Late",
    "dies_after",
    "dies_before",
    "fails_after",
    "fails_before",
    "meanwhile",
]


class InterruptedObjects:
    """The same objects, with a fault at some of the calls.

    Args:
        objects: The objects.
        faults: What happens in place of a call, by its number from 1. It is passed the call.

    Attributes:
        calls: The names of the methods that were called, in order.
    """

    def __init__(self, objects: Objects, faults: dict[int, Callable[[Callable[[], Any]], Any]] | None = None) -> None:
        self._objects = objects
        self._faults = faults or {}
        self._dead = False
        self.calls: list[str] = []

    def put_new(self, key: ObjectKey, content: bytes) -> ObjectVersion:
        return self._call("put_new", lambda: self._objects.put_new(key, content))

    def replace(self, key: ObjectKey, content: bytes, *, version: ObjectVersion) -> ObjectVersion:
        return self._call("replace", lambda: self._objects.replace(key, content, version=version))

    def get(self, key: ObjectKey) -> StoredObject:
        return self._call("get", lambda: self._objects.get(key))

    def get_range(self, key: ObjectKey, *, first: int, length: int) -> bytes:
        return self._call("get_range", lambda: self._objects.get_range(key, first=first, length=length))

    def list(self, prefix: str) -> Iterator[ListedObject]:
        return iter(self._call("list", lambda: tuple(self._objects.list(prefix))))

    def delete(self, key: ObjectKey) -> None:
        self._call("delete", lambda: self._objects.delete(key))

    def close(self) -> None:
        self._objects.close()

    def _call(self, method: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the method returns
        if self._dead:
            raise Killed(method)
        self.calls.append(method)
        fault = self._faults.get(len(self.calls))
        try:
            return fault(call) if fault else call()
        except Killed:
            # Whatever the code does with exceptions: a process that has died makes no more calls.
            self._dead = True
            raise


class CountedObjects(InterruptedObjects):
    """The same objects; it notes which object each read reads."""

    def __init__(self, objects: Objects) -> None:
        super().__init__(objects)
        self.read: list[str] = []

    def get(self, key: ObjectKey) -> StoredObject:
        self.read.append(key)
        return super().get(key)

    def get_range(self, key: ObjectKey, *, first: int, length: int) -> bytes:
        self.read.append(key)
        return super().get_range(key, first=first, length=length)


def dies_before(_: Callable[[], Any]) -> Any:  # noqa: ANN401 - it returns nothing
    raise Killed


def dies_after(call: Callable[[], Any]) -> Any:  # noqa: ANN401 - it returns nothing
    call()
    raise Killed


def fails_before(_: Callable[[], Any]) -> Any:  # noqa: ANN401 - it returns nothing
    raise ArchiveUnavailable("the request was lost")


def fails_after(call: Callable[[], Any]) -> Any:  # noqa: ANN401 - it returns nothing
    call()
    raise ArchiveUnavailable("the answer was lost")


def meanwhile(act: Callable[[], object], *, after: bool) -> Callable[[Callable[[], Any]], Any]:
    """Return a fault: others act before or after the call, which succeeds."""

    def fault(call: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the call returns
        if not after:
            act()
        result = call()
        if after:
            act()
        return result

    return fault


@dataclass
class Late:
    """A fault: the call fails for whoever made it, and is done later."""

    calls: list[Callable[[], Any]] = field(default_factory=list)

    def __call__(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - it returns nothing
        self.calls.append(call)
        raise ArchiveUnavailable("the answer did not come in time")

    def arrive(self) -> None:
        """Do what was late; a condition that is false by now refuses it."""
        calls, self.calls = self.calls, []
        for call in calls:
            try:
                call()
            except Exception as error:  # noqa: BLE001 - nobody waits for the answer any more
                del error
