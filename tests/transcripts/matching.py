"""The filters of docs/protocol.md without SQL, implemented independently of the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.transcripts.transcript import Json

__all__ = ["matches", "wanted", "wanted_streams"]

_TEXTS: Mapping[str, Callable[[str, str], bool]] = {
    "exact": str.__eq__,
    "prefix": str.startswith,
    "suffix": str.endswith,
}


def wanted(subscribe: Json, event: Json) -> bool:
    """Whether a subscription receives a recorded event."""
    streams = wanted_streams(subscribe)
    in_stream = streams is None or event["hubstream"] in streams
    return in_stream and all(matches(condition, event) for condition in subscribe.get("filters", ()))


def wanted_streams(subscribe: Json) -> frozenset[str] | None:
    """The streams that a subscription names; `None` for all."""
    named = subscribe.get("stream")
    return None if named is None else frozenset([named] if isinstance(named, str) else named)


def matches(condition: Json, event: Json) -> bool:
    """Whether an event matches one filter.

    Raises:
        ValueError: The filter is of a dialect that transcripts do not use.
    """
    ((dialect, operand),) = condition.items()
    match dialect:
        case "exact" | "prefix" | "suffix":
            holds = _TEXTS[dialect]
            return all(name in event and holds(_text(event[name]), value) for name, value in operand.items())
        case "all":
            return all(matches(inner, event) for inner in operand)
        case "any":
            return any(matches(inner, event) for inner in operand)
        case "not":
            return not matches(operand, event)
        case _:
            raise ValueError(f"the filter dialect is {dialect!r}; transcripts use exact, prefix, suffix, all, any, not")


def _text(value: Any) -> str:  # noqa: ANN401 - an attribute's JSON value
    return str(value).lower() if isinstance(value, bool) else str(value)
