"""Parameters of operators' use cases: where a durable subscription starts, and which values of it change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.filters import Filter
    from eventstore.streams import FilterName
    from eventstore.subscriptions import Durable, Target

__all__ = ["UNCHANGED", "Changes", "StartPosition", "Unchanged"]


class Unchanged(Enum):
    """Stands for a value that stays as it is, where None would remove it."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True)
class StartPosition:
    """Where a durable subscription starts or continues: at a time, else after cursors, else at the oldest event or now.

    Attributes:
        cursors: Cursors that clients received.
        since: The time of the first event, in milliseconds since 1970.
        oldest: Whether to start at the oldest event kept instead of now.
    """

    cursors: Sequence[str] = ()
    since: int | None = None
    oldest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Changes of a durable subscription. None leaves a value as it is, except for the target.

    Attributes:
        filter: The new filter of its own.
        filter_name: The name of the filter that it is to follow; empty to follow none, and keep its own filter.
        ack_deadline_ms: As in `DeliverySettings`.
        max_attempts: As in `DeliverySettings`.
        max_in_flight: As in `DeliverySettings`.
        target: The new target; None removes it, and `UNCHANGED` leaves it as it is.
    """

    filter: Filter | None = None
    filter_name: FilterName | None = None
    ack_deadline_ms: int | None = None
    max_attempts: int | None = None
    max_in_flight: int | None = None
    target: Target | Literal[Unchanged.UNCHANGED] | None = UNCHANGED

    def applied(self, durable: Durable, selection: Durable) -> Durable:
        """Return the next version of the durable subscription, or the same object if nothing changes.

        Args:
            durable: The subscription.
            selection: The same with the filter that these changes give it (`naming.selection_changed`).
        """
        values = {
            "ack_deadline_ms": self.ack_deadline_ms,
            "max_attempts": self.max_attempts,
            "max_in_flight": self.max_in_flight,
        }
        settings = replace(durable.settings, **{name: value for name, value in values.items() if value is not None})
        target = durable.target if self.target is UNCHANGED else self.target
        changed = replace(selection, settings=settings, target=target)
        return durable if changed == durable else replace(changed, version=durable.version + 1)
