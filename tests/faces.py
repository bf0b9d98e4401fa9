"""The two faces of the client, so that one suite of tests shows that they behave alike."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from eventstore_client import AsyncEventStore, EventStore
from eventstore_client.operations import Asynchronous

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FACES", "open_in_loop"]

# ruff: noqa: ANN401 - it stands in for any object of a face


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        self._started.wait()

    def call(self, action: Callable[[], Any]) -> Any:
        """Call an action in the loop; if it returns an awaitable, return what that returns."""

        async def run() -> Any:
            result = action()
            return await result if isinstance(result, Awaitable) else result

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        self._started.set()
        await self._stopped.wait()


class InLoop:
    """An object of the asynchronous face, used as if it blocked."""

    def __init__(self, target: Any, loop: Loop) -> None:
        vars(self).update(_target=target, _loop=loop)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, "aclose" if name == "close" and hasattr(self._target, "aclose") else name)
        if isinstance(value, Asynchronous):
            return InLoop(value, self._loop)
        if name in {"new_id", "credentials"} or not callable(value):
            return value
        return partial(self._call, value)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._target, name, value)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        try:
            return self._loop.call(self._target.__anext__)
        except StopAsyncIteration:
            raise StopIteration from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
        result = self._loop.call(partial(method, *args, **options))
        return InLoop(result, self._loop) if hasattr(result, "__anext__") or hasattr(result, "run") else result


class _StoreInLoop(InLoop):
    def close(self) -> None:
        try:
            self._loop.call(self._target.aclose)
        finally:
            self._loop.stop()


def open_in_loop(*args: Any, **options: Any) -> EventStore:
    """An `AsyncEventStore` in a loop of its own, used as if it blocked. Its type is that of what it stands in for."""
    return _StoreInLoop(AsyncEventStore(*args, **options), Loop())  # type: ignore[return-value]


FACES: dict[str, Callable[..., EventStore]] = {"blocking": EventStore, "asynchronous": open_in_loop}
"""How a store of each face is opened."""
