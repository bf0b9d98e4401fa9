"""Removals: removed events are reported missing, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.chaos.interests import Account, Interest
    from tests.chaos.log import Log, Stream

__all__ = ["check_ranges", "check_settled", "ranges_of"]


def ranges_of(message: dict[str, Any]) -> list[tuple[str, int, int]]:
    """The ranges that a message reports missing."""
    return [(gap["stream"], gap["first"], gap["last"]) for gap in message.get("missing", ())]


def check_ranges(
    who: str,
    ranges: Sequence[tuple[str, int, int]],
    log: Log,
    interest: Interest,
    *,
    account: Account,
    first_kept: Callable[[str], int],
) -> None:
    """Reported ranges were really removed, from subscribed streams, after the start of the reader."""
    for stream, first, last in ranges:
        known = log.streams.get(stream)
        if known is None or not 1 <= first <= last <= known.head:
            raise Violation(
                "events reported missing existed", f"{who} learned of {first} to {last} of {stream}", stream
            )
        if not interest.concerns(stream):
            raise Violation("losses are of subscribed streams", f"{who} learned of {stream}", stream, who)
        if first_kept(stream) <= last:
            raise Violation(
                "events reported missing are removed", f"{who} learned of {first} to {last} of {stream}", stream, who
            )
        if last < account.allowed.get(stream, account.owed.get(stream, 1)):
            raise Violation(
                "losses before the start are not reported", f"{who}: {first} to {last} of {stream}", stream, who
            )


def check_settled(who: str, interest: Interest, account: Account, streams: Iterable[Stream]) -> None:
    """Every owed event arrived, or was reported missing."""
    for stream in streams:
        event = account.open_of(interest, stream)
        if event is not None:
            gone = "it was deleted, and not reported missing" if event.sequence <= stream.deleted else "it never came"
            raise Violation(
                "owed events arrive or are reported missing",
                f"{who}: {event.stream} {event.sequence}: {gone}",
                event.stream,
                who,
            )
