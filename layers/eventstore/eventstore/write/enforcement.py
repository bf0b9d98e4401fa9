"""Refusing events whose data do not match an enforced schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.cloudevents.event import JsonData
from eventstore.errors import InvalidEvent
from eventstore.ports.schema_values import MOST_SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.cloudevents.event import Event
    from eventstore.ports import Clock, EventSchemas
    from eventstore.write.schema_validation import Validator

__all__ = ["DELAY_MS", "Enforcement"]

DELAY_MS = 10_000
"""How long a process may use the schemas that it read, in milliseconds."""


class Enforcement:
    """Checks events by the schemas that are enforced, as this process read them last.

    Without an enforced schema, a check compares a time, and reads the store once in `DELAY_MS`.

    Args:
        schemas: Holds the schemas.
        clock: Tells the time.
    """

    def __init__(self, schemas: EventSchemas, *, clock: Clock) -> None:
        self._schemas = schemas
        self._clock = clock
        # Replaced as one, because threads share it: when it was read, and the tags and validators by type.
        self._read: tuple[int, Mapping[str, tuple[str, Validator]]] | None = None

    def forget(self) -> None:
        """Read the schemas again before the next check."""
        self._read = None

    def check(self, events: Sequence[Event]) -> None:
        """Raise unless the data of all events match the enforced schemas of their types.

        Raises:
            InvalidEvent: The data of an event do not match; the pointer leads to the member.
            StoreUnavailable: The store does not answer.
        """
        validators = self._validators()
        if not validators:
            return
        for index, event in enumerate(events):
            found = validators.get(event.type)
            if found is not None:
                _check(event, found[1], pointer=f"/{index}" if len(events) > 1 else "")

    def _validators(self) -> Mapping[str, tuple[str, Validator]]:
        read, now = self._read, self._clock.now()
        # A clock that was set back ends the time, too.
        if read is not None and 0 <= now - read[0] < DELAY_MS:
            return read[1]
        stored = self._schemas.list(prefix="", after="", count=MOST_SCHEMAS * 2)
        enforced = [schema for schema in stored if schema.enforce]
        before = {} if read is None else read[1]
        validators: dict[str, tuple[str, Validator]] = {}
        if enforced:
            # Imported here: the validator is not needed where no schema is enforced.
            from eventstore.write.schema_validation import Validator  # noqa: PLC0415 - see above

            for schema in enforced:
                known = before.get(schema.name)
                is_known = known is not None and known[0] == schema.tag
                validators[schema.name] = known if known and is_known else (schema.tag, Validator(schema.text))
        self._read = now, validators
        return validators


def _check(event: Event, validator: Validator, *, pointer: str) -> None:
    if not isinstance(event.data, JsonData):
        raise InvalidEvent(
            f"event {event.id[:80]!r} must have JSON data, because the schema of {event.type} is enforced",
            pointer=f"{pointer}/data",
        )
    violation = validator.violation(event.data.text)
    if violation is not None:
        raise InvalidEvent(
            f"the data of event {event.id[:80]!r} violate the schema of {event.type}: {violation.detail}",
            pointer=f"{pointer}/data{violation.pointer}",
        )
