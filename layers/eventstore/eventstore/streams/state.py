"""The state of a stream, its version, and what a caller expects of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.streams.retention import StreamConfig

if TYPE_CHECKING:
    from eventstore.cloudevents.event import StreamName
    from eventstore.positions import Epoch

__all__ = ["ANY", "NEW", "Condition", "Expected", "StreamState", "version_of"]


@dataclass(frozen=True, slots=True)
class StreamState:
    """The state of a stream at one moment.

    Attributes:
        name: The name of the stream.
        head: The sequence of the newest event ever stored; 0 if there was none. It never goes back.
        first: The sequence of the oldest event kept; `head + 1` if none is.
        size: The bytes of the events kept, as stored.
        created: When the stream was created, in milliseconds since 1970 (UTC).
        updated: When its newest event was stored, or the stream was created; in milliseconds since 1970 (UTC).
        config: Its current settings.
        changes: How often the settings were changed.
    """

    name: StreamName
    head: int
    first: int
    size: int
    created: int
    updated: int
    config: StreamConfig = field(default=StreamConfig())
    changes: int = 0

    @property
    def count(self) -> int:
        """The number of events kept; sequences have no gap."""
        return self.head - self.first + 1


@dataclass(frozen=True, slots=True)
class Expected:
    """Where a publisher believes that a stream ends.

    Attributes:
        version: The sequence of the newest event, 0 if there is none; None accepts any.
        tag: The whole version that the stream must have (`version_of`), whose head is `version`; empty accepts any.
    """

    version: int | None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """A precondition on the version of a stream (RFC 9110, 13.1.1 and 13.1.2).

    Attributes:
        versions: Each is a head, a whole version (`version_of`), or `*`, which every stream has.
        negated: The stream must have none of these versions; otherwise it must have one of them.
    """

    versions: tuple[str, ...]
    negated: bool = False

    @property
    def head(self) -> int | None:
        """The sequence at which the stream must end; None if the condition does not name exactly one."""
        if self.negated or len(self.versions) != 1 or self.versions[0] == "*":
            return None
        return int(self.versions[0].partition(".")[0])


ANY = Expected(None)
NEW = Expected(0)


def version_of(state: StreamState, epoch: Epoch) -> str:
    """Return the version of a stream. It changes with every append, every removal, and when the store is reset.

    Args:
        state: The state of the stream.
        epoch: The epoch of its partition.
    """
    return f"{state.head}.{state.first}.{epoch}"
