"""The handlers, called by strangers, and the checks that must hold for every call."""

from __future__ import annotations

import copy
import json
import logging
import re
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from redis.crc import key_slot

from eventstore.streams import partition_of
from functions.websocket.app import handler
from tests.functional.rest.api import Api, Context, Reply, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.functional.websocket.clients import Client, Gateway

__all__ = ["PARTITIONS", "Hub", "checked_headers", "checked_key", "logged", "path_of"]

PARTITIONS = 4

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_FIELD_VALUE = re.compile(r"[\x20-\x7e]*")
"""RFC 9110, 5.5, without its obsolete parts."""

_OF_PARTITIONS = (
    "partition|log|ids|streams|bell|turn|trimmed|limits|deleted|subscriptions|behind|places|frames|terms|inbox"
)
_NAME = r"[A-Za-z0-9._:~-]{1,200}"
_KEYS = re.compile(
    rf"\{{p(?P<partition>\d+)\}}:(?:(?:{_OF_PARTITIONS}|groups|durables)|(?:events|state|digests):(?P<stream>{_NAME}))"
    rf"|durable:{_NAME}|durable:filter:\{{(?P<definition>durable:{_NAME})\}}|durables|connections|connection:c\d+="
    r"|\{filters\}:(?:definitions|names)"
)


@dataclass
class Hub:
    api: Api
    gateway: Gateway
    client: Any

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Sequence[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:
        """The answer to a request, which is sent without any normalization."""
        event = copy.deepcopy(recorded("proxy.json"))
        event |= {"httpMethod": method, "path": path, "resource": path}
        event["requestContext"] |= {"httpMethod": method, "path": f"/v1{path}"}
        event["multiValueQueryStringParameters"] = {name: [*values] for name, values in (query or {}).items()} or None
        for name, value in (headers or {}).items():
            event["headers"][name] = value
            event["multiValueHeaders"][name] = [value]
        event |= {"body": b64encode(body).decode(), "isBase64Encoded": True}
        reply = self.api.invoke(event)
        checked_headers(reply.headers)
        return reply

    def connect(self, query: Mapping[str, Sequence[str]], protocols: Sequence[str]) -> tuple[Client, dict[str, Any]]:
        """A client, with the answer to its handshake."""
        client, _ = self.gateway.connect()
        event = client.event("connect.json")
        event["multiValueQueryStringParameters"] = {name: [*values] for name, values in query.items()} or None
        if protocols:
            event["multiValueHeaders"]["Sec-WebSocket-Protocol"] = [*protocols]
        answer = handler(event, Context())  # type: ignore[arg-type]
        checked_headers(answer.get("headers", {}))
        json.dumps(answer).encode()
        return client, answer

    def keys(self) -> Iterator[str]:
        """All keys of the store, each checked to be of a known kind and in its slot."""
        for key in self.client.scan_iter(count=1000):
            checked_key(key)
            yield key.decode()


def path_of(*segments: str) -> str:
    """A path as a client sends it."""
    return "/api/v1/" + "/".join(quote(segment.encode(errors="surrogatepass"), safe="") for segment in segments)


def checked_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        assert _FIELD_VALUE.fullmatch(value), (name, value)


def checked_key(key: bytes) -> None:
    """Check that a key is of a known kind, in the slot of its hash tag, and in the partition of its stream."""
    match = _KEYS.fullmatch(key.decode())
    assert match, key
    if match["partition"] is not None:
        assert key_slot(key) == key_slot(f"p{match['partition']}".encode())
    if match["definition"] is not None:
        assert key_slot(key) == key_slot(match["definition"].encode())
    if match["stream"] is not None:
        assert int(match["partition"]) == partition_of(match["stream"], PARTITIONS)


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def logged() -> Iterator[list[logging.LogRecord]]:
    """Check the log during the block: input of strangers breaks no line, and no handler fails."""
    lines = _Lines()
    root = logging.getLogger()
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    try:
        yield lines.records
    finally:
        root.removeHandler(lines)
        root.setLevel(level)
    for record in lines.records:
        assert record.levelno < logging.ERROR, record.exc_text or record.getMessage()
        assert not _CONTROLS.search(record.getMessage()), record.getMessage()
