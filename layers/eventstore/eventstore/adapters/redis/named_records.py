"""Records in Redis, by name: what the adapters of named filters and of schemas share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.partitions import Partitions, random_epoch
from eventstore.streams import is_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.definitions import Definitions
    from eventstore.errors import EventstoreError

__all__ = ["NamedRecord", "NamedRecords"]


class NamedRecord(Protocol):
    """A value that is stored under a name."""

    @property
    def name(self) -> Any:
        """Its name."""

    def encoded(self) -> str:
        """Return the text that `decoded` reads."""

    @classmethod
    def decoded(cls, text: str) -> Self:
        """Return the value that was encoded."""


RecordT = TypeVar("RecordT", bound=NamedRecord)


class NamedRecords(Generic[RecordT]):
    """Stores records of a kind.

    Args:
        client: The client of the store.
        definitions: Stores their texts.
        partitions: See `RedisLog`.
        record: The class of the records.
        not_found: Makes the error for a name that no record has.
    """

    def __init__(
        self,
        client: Client,
        definitions: Definitions,
        *,
        partitions: Partitions | int | None,
        record: type[RecordT],
        not_found: Callable[[str], EventstoreError],
    ) -> None:
        self._partitions = Partitions.of(client, partitions, random_epoch)
        self._definitions = definitions
        self._record = record
        self._not_found = not_found

    def create(self, record: RecordT) -> bool:
        """Store a record, unless there is one of its name; return whether it was stored."""
        with ANSWERING:
            # A store that this version does not support is left unchanged.
            _ = self._partitions.count
            self._partitions.require_writable()
            return self._definitions.create(record.name, record.encoded())

    def get(self, name: str) -> RecordT:
        """Return the record of a name."""
        text = self._text(name)
        if text is None:
            raise self._not_found(name)
        return self._record.decoded(text.decode())

    def list(self, *, prefix: str, after: str, count: int) -> Sequence[RecordT]:
        """Return records in lexicographic order of their names."""
        records: list[RecordT] = []
        while len(records) < count:
            wanted = count - len(records)
            with ANSWERING:
                names = self._definitions.names(prefix=prefix, after=after, count=wanted)
                texts = self._definitions.texts(names)
            # A record that was deleted between the two commands is left out, and the next ones are read in its place.
            records += [self._record.decoded(text.decode()) for text, _ in texts if text is not None]
            if len(names) < wanted:
                break
            after = names[-1]
        return records

    def change(self, old: RecordT, new: RecordT) -> bool:
        """Replace a record, unless it is not `old` any more; return whether it was replaced."""
        return self._replace(old, new)

    def delete(self, old: RecordT) -> bool:
        """Delete a record, unless it is not `old` any more; return whether it was deleted."""
        return self._replace(old, None)

    def _replace(self, old: RecordT, new: RecordT | None) -> bool:
        text = self._text(old.name)
        # Compared as values: an earlier release may have encoded the same record differently.
        if text is None or self._record.decoded(text.decode()) != old:
            return False
        with ANSWERING:
            self._partitions.require_writable()
            if new is None:
                return self._definitions.delete(old.name, text)
            return self._definitions.change(old.name, text, new.encoded())

    def _text(self, name: str) -> bytes | None:
        # The name may be any text from a client, also one that cannot be encoded.
        if not is_name(name):
            return None
        with ANSWERING:
            ((text, _),) = self._definitions.texts([name])
        return text
