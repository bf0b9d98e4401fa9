"""Removals: what was removed is told, and nothing else is told to be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.chaos.interests import Account, Interest
    from tests.chaos.log import Log, Stream

__all__ = ["check_ranges", "check_settled", "ranges_of"]


def ranges_of(message: dict[str, Any]) -> list[tuple[str, int, int]]:
    """What a message says is missing."""
    return [(one["stream"], one["first"], one["last"]) for one in message.get("missing", ())]


def check_ranges(
    who: str,
    ranges: Sequence[tuple[str, int, int]],
    log: Log,
    interest: Interest,
    *,
    account: Account,
    first_kept: Callable[[str], int],
) -> None:
    """Ranges name what was really removed, of streams that concern the reader, and behind where it started."""
    for stream, first, last in ranges:
        known = log.streams.get(stream)
        if known is None or not 1 <= first <= last <= known.head:
            raise Violation("what is told was there", f"{who} was told of {first} to {last} of {stream}", stream)
        if not interest.concerns(stream):
            raise Violation("nobody is told of other streams", f"{who} was told of {stream}", stream, who)
        if first_kept(stream) <= last:
            raise Violation("what is told is removed", f"{who} was told of {first} to {last} of {stream}", stream, who)
        if last < account.allowed.get(stream, account.owed.get(stream, 1)):
            raise Violation(
                "nobody is told of what lies before its start", f"{who}: {first} to {last} of {stream}", stream, who
            )


def check_settled(who: str, interest: Interest, account: Account, streams: Iterable[Stream]) -> None:
    """All that is owed came, or was told to be missing."""
    for stream in streams:
        event = account.open_of(interest, stream)
        if event is not None:
            gone = "it was deleted, and nothing was told" if event.sequence <= stream.deleted else "it never came"
            raise Violation(
                "what is owed comes or is told", f"{who}: {event.stream} {event.sequence}: {gone}", event.stream, who
            )
