"""What the front doors need of an HTTP request, and what proxy events of every kind have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiohttp import web

# They describe the connection between the client and the gateway, which ends there.
HOP_BY_HOP = frozenset(
    {"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


async def read_body(request: web.BaseRequest, *, limit: int) -> bytes | None:
    """The whole body, or None if it is larger than the limit."""
    if (request.content_length or 0) > limit:
        return None
    if request.headers.get("Expect", "").lower() == "100-continue":
        # aiohttp does this in its routed applications only; the client holds its body back until then.
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    if not request.can_read_body:
        return b""
    parts, size = [], 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
    return b"".join(parts)


def clf_time(time: datetime) -> str:
    """A time in the Common Log Format."""
    # Not strftime: its months are the locale's.
    time = time.astimezone(UTC)
    return f"{time.day:02}/{_MONTHS[time.month - 1]}/{time:%Y:%H:%M:%S} +0000"


def many_valued(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Every value of every name, in order."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def last_valued(many: Mapping[str, list[str]]) -> dict[str, str]:
    """The last value of every name."""
    return {name: values[-1] for name, values in many.items()}
