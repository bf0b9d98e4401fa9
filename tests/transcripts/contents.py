"""The final content of the store, read over REST."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.transcripts.transcript import StoredStream

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["contents"]

_PAGE = "1000"


async def contents(url: str, streams: Iterable[str]) -> tuple[StoredStream, ...]:
    """The stored events of these streams; a stream that does not exist is left out."""
    async with aiohttp.ClientSession(raise_for_status=False) as session:
        streams_read = [await _stream(session, f"{url}/api/v1/streams/{name}", name) for name in sorted(streams)]
    return tuple(stream for stream in streams_read if stream)


async def _stream(session: aiohttp.ClientSession, url: str, name: str) -> StoredStream | None:
    about = await _got(session, url, {})
    if about is None:
        return None
    events: list[dict[str, Any]] = []
    query = {"limit": _PAGE}
    while True:
        page = await _got(session, f"{url}/events", query) or {"events": []}
        events += page["events"]
        if "next" not in page:
            return StoredStream(stream=name, first=about["first"], events=tuple(events))
        query = {"limit": _PAGE, "cursor": page["next"]}


async def _got(session: aiohttp.ClientSession, url: str, query: dict[str, str]) -> dict[str, Any] | None:
    async with session.get(url, params=query) as response:
        if response.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
            return None
        response.raise_for_status()
        answer: dict[str, Any] = await response.json()
        return answer
