"""The door of operators over REST."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp

from tests.chaos.server.doors import PAGE, PATIENCE, Described
from tests.transcripts.bare_line import sql_of
from tests.transcripts.outcomes import NoAnswer, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.transcripts.transcript import Json

__all__ = ["RestDoor"]

_SERVER_FAULT = 500
_NOTHING: Mapping[str, str] = MappingProxyType({})


class RestDoor:
    """Over REST; the next instance for each call.

    Args:
        url: Returns where the REST API is.
    """

    name = "rest"

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] = _NOTHING,
        query: Mapping[str, str] = _NOTHING,
    ) -> tuple[Any, Mapping[str, str]]:
        """The answer of any route, with its headers."""
        shown = {"Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json"}
        data = None if body is None else json.dumps(body)
        url = f"{self._url()}/api/v1/{path}"
        try:
            async with self._session.request(
                method, url, data=data, headers=shown | dict(headers), params=query
            ) as response:
                text = await response.text()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NoAnswer from error
        if response.status >= _SERVER_FAULT:
            raise NoAnswer(f"{response.status} {text[:200]}")
        decoded = json.loads(text) if text and "json" in response.content_type else {}
        if not response.ok:
            raise Refused(f"{method} {url} {query} {data}: {response.status} {text[:500]}", decoded.get("code", ""))
        return decoded, response.headers

    async def publish(self, stream: str, events: Sequence[Json], expected: int) -> list[dict[str, Any]]:
        condition = {"If-None-Match": "*"} if expected == 0 else {"If-Match": f'"{expected}"'}
        headers = {"Content-Type": "application/cloudevents-batch+json", **condition}
        answer, _ = await self.call("POST", "events", list(events), headers=headers, query={"stream": stream})
        results: list[dict[str, Any]] = answer["results"]
        return results

    async def describe_stream(self, stream: str) -> Described:
        answer, headers = await self.call("GET", f"streams/{stream}")
        return Described(headers["ETag"].strip('"'), {name: answer[name] for name in ("head", "first")})

    async def create_stream(self, stream: str, max_events: int, max_age: int) -> None:
        limits = {"max_events": max_events or None, "max_age": max_age or None}
        await self.call(
            "POST", "streams", {"id": stream, "retention": {name: limit for name, limit in limits.items() if limit}}
        )

    async def change_stream(self, stream: str, max_events: int, max_age: int, expected: str | None) -> None:
        limits = {"max_events": max_events or None, "max_age": max_age or None}
        await self.call("PATCH", f"streams/{stream}", {"retention": limits}, headers=_if_match(expected))

    async def delete_stream(self, stream: str, expected: str | None, *, permanent: bool) -> None:
        query = {"permanent": "true"} if permanent else {}
        await self.call("DELETE", f"streams/{stream}", headers=_if_match(expected), query=query)

    async def read(self, stream: str, first: int) -> list[Json]:
        return await self._pages(f"streams/{stream}/events", {"from": str(first)})

    async def search(self, filters: Sequence[Json]) -> list[Json]:
        return await self._pages("events", {"filter": sql_of({"all": filters})} if filters else {})

    async def get(self, event: Json, stream: str) -> Json:
        found, _ = await self.call(
            "GET",
            f"events/{quote(event['id'], safe='')}",
            query={"source": event["source"], "stream": stream},
        )
        got: Json = found
        return got

    async def wait(self, stream: str, first: int, *, seconds: int) -> list[Json]:
        """A page of a stream from a sequence on, once it has an event."""
        headers = {"Prefer": f"wait={seconds}"}
        page, _ = await self.call("GET", f"streams/{stream}/events", headers=headers, query={"from": str(first)})
        events: list[Json] = page["events"]
        return events

    async def create_subscription(
        self, name: str, filters: Sequence[Json], start: str, rules: Mapping[str, int]
    ) -> None:
        body = {"id": name, "from": start, **rules} | ({"filters": list(filters)} if filters else {})
        await self.call("POST", "subscriptions", body)

    async def change_subscription(
        self, name: str, rules: Mapping[str, int], filters: Sequence[Json] | None, filter_name: str | None
    ) -> None:
        body: dict[str, Any] = {**rules}
        if filters is not None:
            body["filters"] = list(filters)
        if filter_name is not None:
            body["filter_name"] = filter_name or None
        await self.call("PATCH", f"subscriptions/{name}", body)

    async def describe_subscription(self, name: str) -> Described:
        answer, headers = await self.call("GET", f"subscriptions/{name}")
        figures = {one: answer[one] for one in ("lag", "in_flight", "held")}
        return Described(headers["ETag"].strip('"'), figures)

    async def replay(self, name: str, start: str) -> None:
        await self.call("POST", f"subscriptions/{name}/replay", {"from": start})

    async def delete_subscription(self, name: str) -> None:
        await self.call("DELETE", f"subscriptions/{name}")

    async def parked(self, name: str) -> list[str]:
        answer, _ = await self.call("GET", "dead-letters", query={"subscription": name, "limit": str(PAGE)})
        return [letter["stream"] for letter in answer["dead_letters"]]

    async def redrive(self, name: str, stream: str | None, how: str) -> None:
        named = {"stream": stream} if stream else {}
        if how == "purge":
            await self.call("DELETE", "dead-letters", query={"subscription": name, **named})
        else:
            await self.call("POST", "dead-letters/redrive", {"subscription": name, "how": how, **named})

    async def close(self) -> None:
        await self._session.close()

    async def _pages(self, path: str, query: Mapping[str, str]) -> list[Json]:
        events: list[Json] = []
        cursor: dict[str, str] = {}
        while True:
            page, _ = await self.call(
                "GET", path, query={"limit": str(PAGE), **(_kept(query) if cursor else query), **cursor}
            )
            events += page["events"]
            if "next" not in page:
                return events
            cursor = {"cursor": page["next"]}


def _if_match(expected: str | None) -> dict[str, str]:
    return {} if expected is None else {"If-Match": f'"{expected}"'}


def _kept(query: Mapping[str, str]) -> Mapping[str, str]:
    """The members of a query that are repeated with a cursor."""
    return {name: value for name, value in query.items() if name != "from"}
