"""What the hub has, and what arrives: by its REST API, and by a subscription of `cloudevents.json`."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Event", "NoSuchEvent", "await_events", "stored_events"]

Event: TypeAlias = dict[str, Any]
"""An event in the JSON format of CloudEvents, with `hubstream`, `hubsequence` and `hubtime`."""

_REQUEST_SECONDS = 10.0
_PAGE = 1000


class NoSuchEvent(AssertionError):
    """An event did not come in time."""


def await_events(
    url: str, count: int, parameters: Mapping[str, str], *, where: Callable[[Event], bool] | None, seconds: float
) -> Sequence[Event]:
    """Return the first events that match, in the order in which they arrive.

    Args:
        url: The address of WebSocket.
        count: How many.
        parameters: The parameters of the subscription.
        where: Further selects events.
        seconds: How long to wait for all of them.

    Raises:
        NoSuchEvent: Fewer came in time.
        ValueError: The hub refuses the parameters; the message says why.
    """
    from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: PLC0415 - a pytest without the hub needs none
    from websockets.sync.client import connect  # noqa: PLC0415 - the same

    deadline = time.monotonic() + seconds
    found: list[Event] = []
    address = f"{url}?{urlencode({**parameters, 'from': 'start'})}"
    try:
        with connect(address, subprotocols=[_EVENTS], proxy=None, max_size=None) as socket:
            while len(found) < count:
                event = json.loads(socket.recv(timeout=max(deadline - time.monotonic(), 0)))
                # The hub's own events, such as `io.flunq.hub.subscribed`, have no place in a stream.
                if "hubsequence" in event and (where is None or where(event)):
                    found.append(event)
    except InvalidStatus as error:
        raise ValueError(_reason(bytes(error.response.body or b""))) from error
    except (TimeoutError, ConnectionClosed) as error:
        ended = f"within {seconds:g} s" if isinstance(error, TimeoutError) else "before the connection was cut"
        raise NoSuchEvent(f"{len(found)} of {count} events with {_described(parameters)} {ended}") from error
    return found


def stored_events(url: str, parameters: Mapping[str, str]) -> Sequence[Event]:
    """Return the events that the hub has.

    Args:
        url: The address of REST.
        parameters: Those of `GET /api/v1/events`.

    Raises:
        ValueError: The hub refuses the parameters; the message says why.
    """
    address = f"{url}/api/v1/events?{urlencode({'limit': _PAGE, **parameters})}"
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=_REQUEST_SECONDS) as answer:
            events: list[Event] = json.load(answer)["events"]
    except HTTPError as error:
        raise ValueError(_reason(error.read())) from error
    return events


def _reason(problem: bytes) -> str:
    try:
        return str(json.loads(problem)["detail"])
    except (ValueError, KeyError, TypeError):
        return problem.decode(errors="replace")


def _described(parameters: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in parameters.items()) or "any attributes"


_EVENTS: Any = "cloudevents.json"
