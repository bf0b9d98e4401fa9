"""Events as requests: the content modes of the CloudEvents HTTP binding, and the text of a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eventstore.cloudevents import text_to_http

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eventstore.durable.target_urls import TargetUrl
    from eventstore.frames.pushes import PushedEvent

__all__ = ["BATCHED", "UnsendableHeader", "batch_text", "encoded_request", "event_message"]

BATCHED = "batched"
"""The content mode of calls with several events."""

_BINARY = "binary"
_STRUCTURED_TYPE = "application/cloudevents+json"
_BATCHED_TYPE = "application/cloudevents-batch+json"

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t -~]*")


class UnsendableHeader(Exception):
    """A header cannot be sent. The message names it and does not repeat its value."""


def batch_text(events: Sequence[PushedEvent]) -> bytes:
    """Return events in the JSON batch format."""
    return f"[{','.join(event.text for event in events)}]".encode()


def event_message(mode: str, events: Sequence[PushedEvent]) -> tuple[list[tuple[str, str]], bytes]:
    """Return the headers and the body of events.

    Args:
        mode: The content mode; see `Target.mode`.
        events: The events; one of them, unless the mode is `batched`.
    """
    if mode == BATCHED:
        return [("Content-Type", _BATCHED_TYPE)], batch_text(events)
    [event] = events
    if mode == _BINARY:
        headers, body = text_to_http(event.text)
        return list(headers.items()), body
    return [("Content-Type", _STRUCTURED_TYPE)], event.text.encode()


def encoded_request(url: TargetUrl, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """Return a POST request as it is sent (RFC 9112).

    Raises:
        UnsendableHeader: A name is not a token, or a value has characters other than printable ASCII.
    """
    lines = [f"POST {url.path} HTTP/1.1", f"Host: {url.authority}"]
    fields = [*headers, ("User-Agent", "flunq-eventstore"), ("Accept-Encoding", "identity")]
    for name, value in [*fields, ("Content-Length", str(len(body)))]:
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise UnsendableHeader(f"header {name[:80]!r} cannot be sent: its value is not printable ASCII")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
