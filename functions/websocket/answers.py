"""What clients are answered, in either subprotocol (docs/protocol.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eventstore import errors
from eventstore.frames.builder import hub_event, missing_json
from eventstore.write.publisher import PartlyPublished

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.live.subscribe import Subscribed
    from eventstore.write.publisher import Published

__all__ = ["bare_published", "bare_refused", "bare_subscribed", "error", "message", "published", "subscribed"]

_INTERNAL = errors.EventstoreError("the fault is the hub's; its log has the details")


def message(kind: str, **members: object) -> str:
    """A message of the hub; members that are None are left out."""
    told = {"type": kind} | {name: value for name, value in members.items() if value is not None}
    return json.dumps(told, separators=(",", ":"))


def subscribed(request: str | None, own_id: str, about: Subscribed) -> str:
    """A subscription has begun."""
    head = message("subscribed", id=own_id, cursor=about.cursor, recovery=about.recovery, request=request)
    return f"{head[:-1]},{_recovery(about)}}}"


def published(request: str | None, results: Sequence[Published]) -> str:
    """Where the events of a publish stand."""
    return message("published", request=request, results=_results(results))


def error(failure: Exception, *, request: str | None = None, own_id: str | None = None) -> str:
    """What went wrong."""
    return message("error", **_problem(failure), request=request, id=own_id)


def bare_subscribed(about: Subscribed, identity: str) -> str:
    """The first word to a client of bare events."""
    data = f'{{"recovery":"{about.recovery}",{_recovery(about)}}}'
    return f'{hub_event("subscribed", data, identity)[:-1]},"hubcursor":"{about.cursor}"}}'


def bare_published(results: Sequence[Published], identity: str, subject: str) -> str:
    """Where the event stands that a client of bare events sent."""
    return _about(hub_event("published", json.dumps({"results": _results(results)}), identity), subject)


def bare_refused(failure: Exception, identity: str, subject: str) -> str:
    """Why the event was refused that a client of bare events sent."""
    return _about(hub_event("refused", json.dumps(_problem(failure)), identity), subject)


def _about(event: str, subject: str) -> str:
    return f'{event[:-1]},"subject":{json.dumps(subject)}}}' if subject else event


def _recovery(about: Subscribed) -> str:
    members = [f'"partitions":{json.dumps(list(about.partitions), separators=(",", ":"))}']
    if about.missing or about.missing_more:
        members.append(missing_json(about.missing, complete=not about.missing_more))
    if about.renewed:
        members.append(f'"renewed":{json.dumps(list(about.renewed), separators=(",", ":"))}')
    return ",".join(members)


def _results(results: Sequence[Published]) -> list[Mapping[str, object]]:
    return [_result(result) for result in results]


def _result(result: Published) -> Mapping[str, object]:
    return {
        "stream": result.stream,
        "sequence": result.sequence,
        "id": result.id,
        "duplicate": result.duplicate,
    }


def _problem(failure: Exception) -> dict[str, Any]:
    if isinstance(failure, PartlyPublished) and isinstance(failure.__cause__, Exception):
        results = [result and _result(result) for result in failure.results]
        return _problem(failure.__cause__) | {"results": results}
    if not isinstance(failure, errors.EventstoreError):
        return {"code": "internal", "detail": _INTERNAL.detail}
    told: dict[str, Any] = {"code": failure.code, "detail": failure.detail}
    match failure:
        case errors.InvalidFilter():
            told |= {"pointer": failure.pointer, "position": failure.position}
        case errors.Invalid() | errors.Forbidden() if failure.pointer:
            # A parameter of a URL has a name where a member of a message has a place.
            told["pointer"] = f"/{failure.pointer.removeprefix('/')}"
        case errors.WrongExpectedVersion():
            told |= {"stream": failure.stream, "actual": failure.actual}
        case errors.EventConflict():
            told |= {"stream": failure.stream, "sequence": failure.sequence, "index": failure.index}
        case _:
            pass
    return told
