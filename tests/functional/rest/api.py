"""The handler, called with the events of API Gateway."""

from __future__ import annotations

import copy
import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from functions.rest.app import handler

__all__ = ["Api", "Context", "Reply", "cloudevent", "proxied", "recorded"]

_EVENTS = Path(__file__).parent / "events"
_PROXY: dict[str, Any] = json.loads((_EVENTS / "proxy.json").read_text())


def recorded(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((_EVENTS / name).read_text())
    return event


def cloudevent(event_id: str = "1", *, source: str = "/engine", **members: object) -> dict[str, object]:
    return {"specversion": "1.0", "id": event_id, "source": source, "type": "io.flunq.task.completed", **members}


def proxied(
    method: str, url: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """The event that API Gateway sends for a request."""
    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True) or None
    event = copy.deepcopy(_PROXY)
    event |= {"httpMethod": method, "path": parts.path, "resource": parts.path}
    event["requestContext"] |= {"httpMethod": method, "path": f"/v1{parts.path}"}
    event["multiValueQueryStringParameters"] = query
    event["queryStringParameters"] = query and {name: values[-1] for name, values in query.items()}
    for name, value in (headers or {}).items():
        event["headers"][name] = value
        event["multiValueHeaders"][name] = [value]
    if body is not None:
        event |= {"body": b64encode(body).decode(), "isBase64Encoded": True}
    return event


@dataclass
class Context:
    """The part of a Lambda context that the handler uses."""

    milliseconds: int = 29_000
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    size: int
    """The size in bytes of the function's whole answer, as Lambda counts it."""

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON is anything
        return json.loads(self.body)

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.json["events"]]


class Api:
    def __init__(self, *, seconds: float = 29.0) -> None:
        self.context = Context(int(seconds * 1000))

    def invoke(self, event: dict[str, Any]) -> Reply:
        answer = handler(event, self.context)  # type: ignore[arg-type]
        # Lambda encodes answers as JSON, so an answer that is not JSON must fail here too.
        text = json.dumps(answer)
        answer = json.loads(text)
        body = answer["body"] or ""
        return Reply(
            answer["statusCode"],
            {name.lower(): ", ".join(values) for name, values in answer["multiValueHeaders"].items()},
            b64decode(body) if answer["isBase64Encoded"] else body.encode(),
            len(text),
        )

    def call(self, method: str, url: str, *, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        return self.invoke(proxied(method, url, body=body, headers=headers))

    def get(self, url: str, **headers: str) -> Reply:
        return self.call("GET", url, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def publish(self, *events: dict[str, object], query: str = "", headers: dict[str, str] | None = None) -> Reply:
        batch = {"Content-Type": "application/cloudevents-batch+json"}
        return self.call(
            "POST", f"/api/v1/events{query}", body=json.dumps(events).encode(), headers=batch | (headers or {})
        )

    def create(self, **members: object) -> Reply:
        body = json.dumps(members).encode()
        return self.call("POST", "/api/v1/streams", body=body, headers={"Content-Type": "application/json"})
