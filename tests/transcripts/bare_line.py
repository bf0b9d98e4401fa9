"""Lines of the subprotocol `cloudevents.json`, written from docs/protocol.md: the URL defines the subscription."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from tests.transcripts.lines import Ended
from tests.transcripts.matching import wanted_streams
from tests.transcripts.outcomes import Refused
from tests.transcripts.transcript import BARE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from websockets.asyncio.client import ClientConnection

    from tests.transcripts.lines import Dial, Line
    from tests.transcripts.transcript import Json

__all__ = ["BareLine", "bare_dial", "sql_of"]

_SUBSCRIBED, _TRUNCATED, _CLOSED = (f"io.flunq.hub.{kind}" for kind in ("subscribed", "truncated", "closed"))
_ADDED = ("hubpartition", "hubframe", "hubcursor")
_PATTERNS: Mapping[str, str] = {"exact": "{}", "prefix": "{}%", "suffix": "%{}"}


class BareLine:
    """A connection that `subscribe` opens."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url
        self._connection: ClientConnection | None = None
        self._own_id = ""

    async def send(self, message: Json) -> None:
        self._own_id = message["id"]
        url = f"{self._url()}?{urlencode(list(_parameters(message)))}"
        try:
            self._connection = await connect(
                url,
                subprotocols=[BARE],  # type: ignore[list-item]  # a NewType of str
                compression=None,
                ping_interval=None,
                max_size=1 << 20,
                proxy=None,
            )
        except InvalidStatus as error:
            if error.response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise Refused(f"{url} was answered {error.response.status_code} {error.response.body!r}") from error
            raise Ended from error
        except (OSError, WebSocketException) as error:
            raise Ended from error

    async def receive(self) -> Json:
        if self._connection is None:
            raise Ended
        try:
            event: dict[str, Any] = json.loads(await self._connection.recv())
        except ConnectionClosed as error:
            raise Ended from error
        return self._message(event)

    def abort(self) -> None:
        if self._connection is not None:
            self._connection.transport.abort()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    def _message(self, event: dict[str, Any]) -> dict[str, Any]:
        names = {"id": self._own_id}
        if "hubframe" in event:
            partition, frame, cursor = (event.pop(name) for name in _ADDED)
            names |= {"partition": partition, "frame": frame, "cursor": cursor}
            if event["type"] == _TRUNCATED and "hubsequence" not in event:
                return {"type": "truncated", **names, **event["data"]}
            return {"type": "events", **names, "events": [event]}
        match event["type"]:
            case kind if kind == _SUBSCRIBED:
                return {"type": "subscribed", **names, "cursor": event["hubcursor"], **event["data"]}
            case kind if kind == _CLOSED:
                return {"type": "error", **event["data"]}
            case kind:
                raise Refused(f"{kind} came, which no subscriber has asked for")


def bare_dial(url: Callable[[], str]) -> Dial:
    """Dials by WebSocket, when the line subscribes.

    Args:
        url: Returns where to connect, each time.
    """

    async def dial() -> Line:
        return BareLine(url)

    return dial


def sql_of(condition: Json) -> str:
    """A filter as CloudEvents SQL. Values must have none of the characters that SQL escapes."""
    ((dialect, operand),) = condition.items()
    match dialect:
        case "exact" | "prefix" | "suffix":
            # An attribute that is missing is an error in SQL, which the rest of the expression would not survive.
            tests = [
                f"(EXISTS {name} AND {name} LIKE '{_PATTERNS[dialect].format(value.replace('_', chr(92) + '_'))}')"
                for name, value in operand.items()
            ]
            return f"({' AND '.join(tests)})"
        case "all":
            return f"({' AND '.join(map(sql_of, operand))})"
        case "any":
            return f"({' OR '.join(map(sql_of, operand))})"
        case _:
            return f"(NOT {sql_of(operand)})"


def _parameters(message: Json) -> Iterator[tuple[str, str]]:
    if conditions := message.get("filters"):
        yield "filter", sql_of({"all": conditions})
    for stream in sorted(wanted_streams(message) or ()):
        yield "stream", stream
    if "cursor" in message:
        cursors = message["cursor"]
        for cursor in [cursors] if isinstance(cursors, str) else cursors:
            yield "cursor", cursor
    else:
        yield "from", message.get("from", "now")
