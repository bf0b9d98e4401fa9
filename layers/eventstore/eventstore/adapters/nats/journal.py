"""The `Journal` on NATS JetStream: one JetStream stream a partition, whose sequences are the positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.journal_errors import beyond_the_end
from eventstore.adapters.nats.client import NatsClient
from eventstore.adapters.nats.errors import NatsError
from eventstore.adapters.nats.requests import (
    adjacent,
    content_of,
    first_of,
    following,
    leaders,
    leaders_info,
    records_of,
)
from eventstore.adapters.nats.streams import Streams
from eventstore.errors import TooLarge
from eventstore.ports.journal import JournalEnd, JournalRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.nats.address import NatsUrl
    from eventstore.adapters.nats.messages import JetStreamName

__all__ = ["NatsJournal"]


class NatsJournal:
    """See `ports.journal.Journal`.

    A partition's stream is made when it is first used, and must have the settings with which it would be made. A server
    that fsyncs now and then (its default) may lose what it acknowledged: set `sync_interval: always`.

    Args:
        url: The servers, and who connects.
        name: The beginning of the names of the streams, and of their subjects: letters, digits, `_`.
        replicas: On how many servers of a cluster each record is kept: 1, 3 or 5.
        client: The client; None for one of `url`.
    """

    def __init__(
        self, url: NatsUrl, *, name: str = "eventstore", replicas: int = 1, client: NatsClient | None = None
    ) -> None:
        self._client = client or NatsClient(url)
        self._streams = Streams(self._client, prefix=name, replicas=replicas)
        self._most_bytes = 0

    @property
    def most_bytes(self) -> int:
        """See `Journal.most_bytes`: the server's `max_payload`."""
        if not self._most_bytes:
            self._most_bytes = self._client.most_bytes
        return self._most_bytes

    @property
    def erases(self) -> bool:
        """See `Journal.erases`."""
        return True

    @property
    def is_costly_to_fetch(self) -> bool:
        """See `Journal.is_costly_to_fetch`."""
        return False

    def append(self, partition: int, record: bytes) -> int:
        """See `Journal.append`."""
        if len(record) > self.most_bytes:
            raise TooLarge(f"a record has {len(record)} bytes; the NATS server accepts {self.most_bytes} (max_payload)")
        with self._streams.using(partition):
            return int(self._client.ask(self._streams.subject(partition), record)["seq"])

    def read(self, partition: int, *, after: int, count: int) -> Sequence[JournalRecord]:
        """See `Journal.read`."""
        with self._streams.using(partition) as stream:
            request = following(stream, after + 1, count, most_bytes=self.most_bytes)
            [found] = self._client.run(lambda connection: records_of(connection, [request]))
            # Nothing follows, or what does was erased, or the replica that answered is late.
            return _with_erased(found, after, count) if found else self._following(partition, stream, after, count)

    def fetch(self, partition: int, positions: Sequence[int]) -> Sequence[JournalRecord]:
        """See `Journal.fetch`: adjacent positions are one request, and no request waits for another."""
        contents: dict[int, bytes | None] = {}
        missing = list(positions)
        with self._streams.using(partition) as stream:
            while missing:
                unknown: list[int] = []
                groups = adjacent(missing)
                for group, found in zip(groups, self._groups(stream, groups), strict=True):
                    known = dict(found)
                    last = found[-1][0] if found else 0
                    # As in `read`: what is missing before another record was erased. A long answer ends early.
                    contents |= {position: known.get(position) for position in group if position <= last}
                    unknown += () if found else group
                if unknown:
                    contents |= self._of_leader(partition, stream, unknown)
                missing = [position for position in missing if position not in contents]
        return [JournalRecord(position, contents[position]) for position in positions]

    def end(self, partition: int) -> JournalEnd:
        """See `Journal.end`."""
        with self._streams.using(partition) as stream:
            info = self._client.run(lambda connection: leaders_info(connection, stream))
        return JournalEnd(str(info["created"]), int(info["state"]["last_seq"]))

    def erase(self, partition: int, position: int) -> None:
        """See `Journal.erase`: the server overwrites the record."""
        with self._streams.using(partition) as stream:
            try:
                self._client.api(f"STREAM.MSG.DELETE.{stream}", seq=position, no_erase=False)
            except NatsError:
                # The record may not be there, for which there are several codes, one of them for all failures.
                first = first_of(self._client, stream, self._streams.subject(partition), position)
                if first and first[0] == position:
                    raise

    def close(self) -> None:
        """See `Journal.close`."""
        self._client.close()

    def _following(self, partition: int, stream: JetStreamName, after: int, count: int) -> list[JournalRecord]:
        """Return what follows a position, as the leader knows it: at most one record that was not erased."""
        end = self.end(partition).position
        if end <= after:
            return []
        first = first_of(self._client, stream, self._streams.subject(partition), after + 1)
        if first is not None:
            return _with_erased([first], after, count)
        return [JournalRecord(erased, None) for erased in range(after + 1, min(end, after + count) + 1)]

    def _groups(self, stream: JetStreamName, groups: Sequence[Sequence[int]]) -> list[list[tuple[int, bytes]]]:
        """Return for each group of positions what a replica knows from its first position on."""
        requests = [
            following(stream, group[0], group[-1] - group[0] + 1, most_bytes=self.most_bytes) for group in groups
        ]
        return self._client.run(lambda connection: records_of(connection, requests))

    def _of_leader(self, partition: int, stream: JetStreamName, positions: Sequence[int]) -> dict[int, bytes | None]:
        """Return the contents at positions, as the leader knows them; None for those that were erased."""
        end = self.end(partition).position
        if positions[-1] > end:
            raise beyond_the_end(partition, positions[-1], end)
        requests = [leaders(stream, position, most_bytes=self.most_bytes) for position in positions]
        answers = self._client.run(lambda connection: connection.pipeline(requests))
        return {position: content_of(answer) for position, [answer] in zip(positions, answers, strict=True)}


def _with_erased(found: Sequence[tuple[int, bytes]], after: int, count: int) -> list[JournalRecord]:
    """Return records with those that were erased between them.

    A replica has the records in order, so what is missing between two of them was erased.
    """
    records: list[JournalRecord] = []
    position = after
    for sequence, content in found:
        records += (JournalRecord(erased, None) for erased in range(position + 1, min(sequence, after + count + 1)))
        records.append(JournalRecord(sequence, content))
        position = sequence
    return records[:count]
