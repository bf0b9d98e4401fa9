"""A URL that is called by the HTTP binding of CloudEvents (docs/rules.md, "HTTP")."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aiohttp import web

from tests.transcripts.bindings import Answer, Mishap, Request, reason_in
from tests.transcripts.calls import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from tests.transcripts.transcript import Json

__all__ = ["MODES", "HttpBinding"]

MODES = ("structured", "binary", "batched")
_BATCH = 3
_PREFIX = "ce-"


@dataclass(frozen=True, slots=True)
class HttpBinding:
    """See `tests.transcripts.bindings.Binding`.

    Attributes:
        mode: The content mode: one of `MODES`.
    """

    name = "url-rule"
    mode: str

    @property
    def batch(self) -> int:
        return _BATCH if self.mode == "batched" else 1

    def definition(self, url: str) -> Json:
        return {"http": f"{url}/hook", "mode": self.mode, "batch": self.batch}

    def read(self, headers: Mapping[str, str], body: bytes) -> Request:
        match self.mode:
            case "batched":
                return Request(json.loads(body))
            case "binary":
                return Request([_of_headers(headers, body)])
            case _:
                return Request([json.loads(body)])

    def unable(self, mishap: Mishap, number: int, random: Random) -> Answer:
        reason = reason_in(number)
        match mishap:
            case Mishap.THROTTLED:
                status = random.choice((429, 503))
                return Answer(Reply.THROTTLED, web.Response(status=status, text=reason, headers={"Retry-After": "1"}))
            case Mishap.NONSENSE:
                return Answer(Reply.NONE, b"nonsense\r\n\r\n")
            case _:
                status = random.choice((500, 502, 503, 408))
                return Answer(Reply.UNAVAILABLE, web.Response(status=status, text=reason), reason)

    def finished(self, events: Sequence[Json], failed: Sequence[int], number: int, random: Random) -> Answer:  # noqa: ARG002 - an answer is about all events
        if not failed:
            return Answer(Reply.HANDLED, web.Response(status=random.choice((200, 202, 204))))
        reason = reason_in(number)
        if random.random() < 0.2:
            moved = web.Response(status=302, headers={"Location": f"/{number}/moved"})
            return Answer(Reply.REFUSED, moved, f"/{number}/moved")
        return Answer(Reply.REFUSED, web.Response(status=random.choice((400, 409, 422)), text=reason), reason)


def _of_headers(headers: Mapping[str, str], body: bytes) -> Json:
    """The event of a request in binary mode. Every event of a scenario has JSON as its data, or none."""
    attributes = {
        name.lower().removeprefix(_PREFIX): unquote(value)
        for name, value in headers.items()
        if name.lower().startswith(_PREFIX)
    }
    return {**attributes, "data": json.loads(body)} if body else attributes
