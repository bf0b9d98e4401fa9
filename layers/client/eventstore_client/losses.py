from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Loss", "Missing"]

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Missing:
    """Sequences of a stream that were removed, whether they would have matched or not; both ends are among them."""

    stream: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.stream} {self.first}" + (f" to {self.last}" if self.last != self.first else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a subscription, or a reading, will not receive, though it had not come to it yet.

    Attributes:
        missing: What retention or deletion removed, as far as the hub could tell.
        more: More is missing than it could tell.
        renewed: Partitions that were made anew: what they held before is gone, and they are followed from their
            beginning.
        gone: Streams that were deleted for good: nothing of them will come any more.
    """

    missing: tuple[Missing, ...] = ()
    more: bool = False
    renewed: tuple[int, ...] = ()
    gone: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line for a person."""
        removed = [str(missing) for missing in self.missing[:_SHOWN]]
        if self.more or len(self.missing) > _SHOWN or not (removed or self.renewed or self.gone):
            removed.append("others" if removed else "the hub does not say which")
        parts = []
        if removed:
            parts.append(f"events were removed before they were received: {', '.join(removed)}")
        if self.gone:
            shown = [*self.gone[:_SHOWN], *(["others"] if len(self.gone) > _SHOWN else [])]
            parts.append(f"streams were deleted for good: {', '.join(shown)}")
        if self.renewed:
            parts.append(f"the store was made anew in partitions {', '.join(map(str, self.renewed))}")
        return "; ".join(parts)
