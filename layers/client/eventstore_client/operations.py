"""The operations of a hub, of which each has one signature, one docstring and two faces (decision 073).

A method of a class such as `StreamCalls` describes a request as a `Call`. The decorators of this module make the
methods of both faces of it: `Streams.get` returns a `StreamInfo`, and `AsyncStreams.get` is a coroutine function that
returns one. Type checkers see this by the overloads of `Operation.__get__`.
"""

from __future__ import annotations

from functools import update_wrapper
from types import FunctionType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, ParamSpec, TypeVar, overload

from eventstore_client.blocking import BlockingIterator, finish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from eventstore_client.async_subscription import Opening
    from eventstore_client.async_worker import AsyncWorker
    from eventstore_client.calls import Call, Listing
    from eventstore_client.feed import FeedOptions
    from eventstore_client.rest import Rest
    from eventstore_client.searches import AsyncSearch, Search, SearchOptions
    from eventstore_client.subscription import Subscription
    from eventstore_client.worker import Worker
    from eventstore_client.worker_options import WorkerOptions

__all__ = ["Asynchronous", "Blocking", "Operation", "followed", "listed", "request", "searched", "worked"]

# ruff: noqa: PLC0415 - each operation imports what it needs: programs use few, and asyncio alone takes a third of all

Options = ParamSpec("Options")
Result = TypeVar("Result")
Item = TypeVar("Item")
BlockingResult = TypeVar("BlockingResult")
AsyncResult = TypeVar("AsyncResult")


class Blocking:
    """The base of classes whose operations block the thread of the caller."""

    __slots__ = ()
    _rest: Rest

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _bind(cls, "blocking")


class Asynchronous:
    """The base of classes whose operations are awaited."""

    __slots__ = ()
    _rest: Rest

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _bind(cls, "asynchronous")


class Operation(Generic[Options, BlockingResult, AsyncResult]):
    """An operation of a hub. The classes of a face have the function of their face in its place.

    Attributes:
        blocking: The method of the blocking face.
        asynchronous: The method of the asynchronous face.
    """

    def __init__(self, blocking: Callable[..., Any], asynchronous: Callable[..., Any]) -> None:
        self.blocking = blocking
        self.asynchronous = asynchronous

    @overload
    def __get__(self, instance: Blocking, owner: type) -> Callable[Options, BlockingResult]: ...

    @overload
    def __get__(self, instance: Asynchronous, owner: type) -> Callable[Options, AsyncResult]: ...

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[..., Any]: ...

    def __get__(self, instance: object, owner: type) -> Any:
        raise TypeError(f"{owner.__name__} belongs to no face: subclass Blocking or Asynchronous")


def request(
    method: Callable[Concatenate[Any, Options], Call[Result]],
) -> Operation[Options, Result, Coroutine[Any, Any, Result]]:
    """Make the operation of a method that describes one request."""

    def blocking(face: Blocking, *args: Options.args, **options: Options.kwargs) -> Result:
        return finish(face._rest.call(method(face, *args, **options)))  # noqa: SLF001 - a method of the face

    async def asynchronous(face: Asynchronous, *args: Options.args, **options: Options.kwargs) -> Result:
        return await face._rest.call(method(face, *args, **options))  # noqa: SLF001

    return Operation(_shown(blocking, method, "Call[{}]", as_="{}"), _shown(asynchronous, method, "Call[{}]", as_="{}"))


def listed(
    method: Callable[Concatenate[Any, Options], Call[Listing[Item]]],
) -> Operation[Options, Iterator[Item], AsyncIterator[Item]]:
    """Make the operation of a method that describes the first page of a list."""

    def asynchronous(face: Asynchronous, *args: Options.args, **options: Options.kwargs) -> AsyncIterator[Item]:
        from eventstore_client.pages import AsyncItems

        return AsyncItems(face._rest, method(face, *args, **options))  # noqa: SLF001

    def blocking(face: Blocking, *args: Options.args, **options: Options.kwargs) -> Iterator[Item]:
        from eventstore_client.pages import AsyncItems

        return BlockingIterator(AsyncItems(face._rest, method(face, *args, **options)))  # noqa: SLF001

    return Operation(
        _shown(blocking, method, "Call[Listing[{}]]", as_="Iterator[{}]"),
        _shown(asynchronous, method, "Call[Listing[{}]]", as_="AsyncIterator[{}]"),
    )


def searched(method: Callable[Concatenate[Any, Options], SearchOptions]) -> Operation[Options, Search, AsyncSearch]:
    """Make the operation of a method that describes a search."""

    def asynchronous(face: Asynchronous, *args: Options.args, **options: Options.kwargs) -> AsyncSearch:
        from eventstore_client.searches import AsyncSearch

        return AsyncSearch(face._rest, method(face, *args, **options))  # noqa: SLF001

    def blocking(face: Blocking, *args: Options.args, **options: Options.kwargs) -> Search:
        from eventstore_client.losses import require_function
        from eventstore_client.searches import AsyncSearch, Search

        described = method(face, *args, **options)
        require_function(described.on_loss)
        return Search(AsyncSearch(face._rest, described))  # noqa: SLF001

    return Operation(
        _shown(blocking, method, "SearchOptions", as_="Search"),
        _shown(asynchronous, method, "SearchOptions", as_="AsyncSearch"),
    )


def followed(
    method: Callable[Concatenate[Any, Options], FeedOptions],
) -> Operation[Options, Subscription, Opening]:
    """Make the operation of a method that describes a subscription."""

    def asynchronous(face: Asynchronous, *args: Options.args, **options: Options.kwargs) -> Opening:
        from eventstore_client.async_subscription import Opening

        return Opening(method(face, *args, **options), face._rest.io)  # noqa: SLF001

    def blocking(face: Blocking, *args: Options.args, **options: Options.kwargs) -> Subscription:
        from eventstore_client.losses import require_function
        from eventstore_client.subscription import Subscription

        described = method(face, *args, **options)
        require_function(described.on_loss)
        return Subscription(described)

    return Operation(
        _shown(blocking, method, "FeedOptions", as_="Subscription"),
        _shown(asynchronous, method, "FeedOptions", as_="Opening"),
    )


def worked(
    method: Callable[Concatenate[Any, Options], WorkerOptions],
) -> Operation[Options, Worker, AsyncWorker]:
    """Make the operation of a method that describes a worker."""

    def asynchronous(face: Asynchronous, *args: Options.args, **options: Options.kwargs) -> AsyncWorker:
        from eventstore_client.async_worker import AsyncWorker

        return AsyncWorker(method(face, *args, **options), face._rest.io)  # noqa: SLF001

    def blocking(face: Blocking, *args: Options.args, **options: Options.kwargs) -> Worker:
        from eventstore_client.losses import require_function
        from eventstore_client.worker import Worker

        described = method(face, *args, **options)
        require_function(described.on_loss)
        return Worker(described)

    return Operation(
        _shown(blocking, method, "WorkerOptions", as_="Worker"),
        _shown(asynchronous, method, "WorkerOptions", as_="AsyncWorker"),
    )


def _bind(face: type, kind: Literal["blocking", "asynchronous"]) -> None:
    """Set the functions of a face in a class that inherits operations."""
    for base in face.__mro__:
        for name, value in vars(base).copy().items():
            if isinstance(value, Operation) and _defined(face, name) is value:
                setattr(face, name, getattr(value, kind))


def _defined(face: type, name: str) -> object:
    """Return what a class has under a name, by the order in which its bases are searched."""
    return next(vars(base)[name] for base in face.__mro__ if name in vars(base))


def _shown(function: Callable[..., Any], method: Callable[..., Any], described: str, *, as_: str) -> Callable[..., Any]:
    """Give a function the name, the documentation and the signature of the method, with the result of its face."""
    assert isinstance(method, FunctionType)  # noqa: S101 - the decorators are applied to functions
    before, after = described.split("{}") if "{}" in described else (described, "")
    inner = str(method.__annotations__["return"]).removeprefix(before).removesuffix(after)
    signature = FunctionType(method.__code__, method.__globals__, method.__name__, method.__defaults__)
    signature.__kwdefaults__ = method.__kwdefaults__
    signature.__qualname__, signature.__module__ = method.__qualname__, method.__module__
    signature.__doc__ = method.__doc__
    signature.__annotations__ = {**method.__annotations__, "return": as_.format(inner)}
    return update_wrapper(function, signature)
