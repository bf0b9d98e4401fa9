"""Calls of gRPC as values: what is sent, and the response of REST for their answer. `transport` sends them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from google.protobuf.message import Message

from eventstore_client.calls import Reply
from eventstore_client.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eventstore_client.calls import Call

__all__ = ["Rpc", "json_reply", "limit_of", "name_of", "page_rpc", "refuse", "text_of", "unary", "version_of"]

Response = TypeVar("Response", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpc(Generic[Response]):
    """A call of gRPC.

    Attributes:
        method: The names of the service and of the method.
        request: The request.
        response: The class of the responses.
        reply: Returns the response of REST. It takes as many responses as it needs.
        is_streaming: Whether there may be several responses.
        pointer: What pointers into the request begin with, and pointers into that of REST do not.
        absent: The response of REST if there is nothing of that name; None if that is an error over REST, too.
    """

    method: str
    request: Message
    response: type[Response]
    reply: Callable[[Iterator[Response]], Reply]
    is_streaming: bool = False
    pointer: str = ""
    absent: Reply | None = None


def unary(
    method: str,
    request: Message,
    response: type[Response],
    reply: Callable[[Response], Reply],
    *,
    pointer: str = "",
    absent: Reply | None = None,
) -> Rpc[Response]:
    """Return a call with one response.

    Args:
        method: The names of the service and of the method.
        request: The request.
        response: The class of the response.
        reply: Returns the response of REST.
        pointer: As for `Rpc`.
        absent: As for `Rpc`.
    """
    return Rpc(
        method=method,
        request=request,
        response=response,
        reply=lambda responses: reply(next(responses)),
        pointer=pointer,
        absent=absent,
    )


def json_reply(value: Mapping[str, Any], *, version: str | None = None) -> Reply:
    """Return a response with a JSON object.

    Args:
        value: Its members.
        version: The version of what it describes; None if it has none.
    """
    return Reply(json.dumps(value).encode(), None if version is None else f'"{version}"')


def page_rpc(
    method: str,
    request: Message,
    response: type[Response],
    *,
    member: str,
    item: Callable[[Any], Mapping[str, Any]],
) -> Rpc[Response]:
    """Return the call for a page of a list.

    Args:
        method: The names of the service and of the method.
        request: The request.
        response: The class of the response.
        member: The member that holds the items, in either API.
        item: Returns the JSON of an item.
    """

    def reply(page: Any) -> Reply:  # noqa: ANN401 - each list has a class of its own
        following = {"next": page.next} if page.next else {}
        return json_reply({member: [item(message) for message in getattr(page, member)], **following})

    return unary(method, request, response, reply)


def limit_of(query: Mapping[str, Any]) -> int:
    """Return the number of items of a page, 1 to 1,000.

    Raises:
        Invalid: It is another one, for which gRPC has its own meaning.
    """
    limit = query.get("limit", 100)
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= 1000:  # noqa: PLR2004 - see above
        refuse(f"limit must be an integer from 1 to 1000, not {limit!r}", pointer="limit")
    return limit


def name_of(values: Mapping[str, Any], name: str) -> str:
    """Return a name of a query or body; empty if it is absent, as gRPC says so.

    Raises:
        Invalid: It is empty.
    """
    value = values.get(name)
    if value == "":
        refuse(f"{name} must not be empty; set a value, or omit it", pointer=name)
    return "" if value is None else str(value)


def text_of(values: Mapping[str, Any], name: str) -> str:
    """Return a text of a query; empty if it is absent."""
    value = values.get(name)
    return "" if value is None else str(value)


def version_of(call: Call[Any]) -> str | None:
    """Return the version of the precondition `If-Match`, without its quotes; None if the call has none."""
    tag = call.headers.get("If-Match")
    return None if tag is None else tag.strip().strip('"')


def refuse(detail: str, *, pointer: str = "", code: str = "invalid-query") -> NoReturn:
    """Raise `Invalid`: the call is one that the hub refuses over REST, or that gRPC cannot carry.

    Args:
        detail: What is wrong, and what would be right.
        pointer: Where the request has it.
        code: The code of the error.
    """
    errors = [{"pointer": pointer, "detail": detail}] if pointer else []
    raise Invalid(status=None, code=code, detail=detail, problem={"code": code, "detail": detail, "errors": errors})
