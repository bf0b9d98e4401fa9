"""The `Journal` on NATS JetStream: one JetStream stream a partition, whose sequences are the positions."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from eventstore.adapters.nats.client import NatsClient, NatsError
from eventstore.adapters.nats.requests import NO_MESSAGE_FOUND, adjacent, content_of, following, leaders, records_of
from eventstore.errors import SettingsError, StoreFull, StoreUnavailable, TooLarge
from eventstore.ports.journal import JournalEnd, JournalRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.adapters.nats.address import NatsUrl

__all__ = ["NatsJournal"]

# Codes of JetStream (nats-server, server/errors.json).
_STREAM_NOT_FOUND = 10059
_STREAM_NAME_IN_USE = 10058
_FULL = frozenset({10023, 10047, 10077, 10122})
"""insufficient resources, insufficient storage, maximum bytes exceeded, storage resources exceeded"""

_KEPT: Mapping[str, object] = {
    "retention": "limits",
    "max_age": 0,
    "max_msgs": -1,
    "max_bytes": -1,
    "max_msgs_per_subject": -1,
    "storage": "file",
    "allow_direct": True,
}
"""What the settings of a stream must be, so that no record is removed but by `erase`, and any replica can be read."""


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
        self._name = name
        self._settings = {**_KEPT, "num_replicas": replicas}
        self._made: set[int] = set()
        self._lock = threading.Lock()
        self._most_bytes = 0

    @property
    def most_bytes(self) -> int:
        """See `Journal.most_bytes`: the server's `max_payload`."""
        if not self._most_bytes:
            self._most_bytes = self._client.most_bytes
        return self._most_bytes

    def append(self, partition: int, record: bytes) -> int:
        """See `Journal.append`."""
        if len(record) > self.most_bytes:
            raise TooLarge(f"a record has {len(record)} bytes; the NATS server accepts {self.most_bytes} (max_payload)")
        self._make(partition)
        try:
            answer = self._client.ask(self._subject(partition), record)
        except NatsError as error:
            if error.code in _FULL:
                raise StoreFull from error
            raise
        return int(answer["seq"])

    def read(self, partition: int, *, after: int, count: int) -> Sequence[JournalRecord]:
        """See `Journal.read`."""
        self._make(partition)
        request = following(self._stream(partition), after + 1, count, most_bytes=self.most_bytes)
        [found] = self._client.run(lambda connection: records_of(connection, [request]))
        records: list[JournalRecord] = []
        position = after
        for sequence, content in found:
            # A replica has the records in order, so what is missing between two of them was erased.
            records += (JournalRecord(erased, None) for erased in range(position + 1, sequence))
            records.append(JournalRecord(sequence, content))
            position = sequence
        if not records:
            # Nothing follows, or what does was erased, or the replica that answered is late.
            last = self._last_erased(partition, after)
            records += (JournalRecord(erased, None) for erased in range(after + 1, last + 1))
        return records[:count]

    def fetch(self, partition: int, positions: Sequence[int]) -> Sequence[JournalRecord]:
        """See `Journal.fetch`: adjacent positions are one request, and no request waits for another."""
        self._make(partition)
        contents: dict[int, bytes | None] = {}
        missing = list(positions)
        while missing:
            unknown: list[int] = []
            groups = adjacent(missing)
            for group, found in zip(groups, self._groups(partition, groups), strict=True):
                known = dict(found)
                last = found[-1][0] if found else 0
                # As in `read`: what is missing before another record was erased. A long answer ends early.
                contents |= {position: known.get(position) for position in group if position <= last}
                unknown += () if found else group
            if unknown:
                contents |= self._of_leader(partition, unknown)
            missing = [position for position in missing if position not in contents]
        return [JournalRecord(position, contents[position]) for position in positions]

    def end(self, partition: int) -> JournalEnd:
        """See `Journal.end`."""
        self._make(partition)
        info = self._client.api(f"STREAM.INFO.{self._stream(partition)}")
        return JournalEnd(str(info["created"]), int(info["state"]["last_seq"]))

    def erase(self, partition: int, position: int) -> None:
        """See `Journal.erase`: the server overwrites the record."""
        self._make(partition)
        stream = self._stream(partition)
        try:
            self._client.api(f"STREAM.MSG.DELETE.{stream}", seq=position, no_erase=False)
        except NatsError:
            # It may be that the record is not there, for which there are several codes, one of them for all failures.
            if self._first_after(partition, position - 1) == position:
                raise

    def close(self) -> None:
        """See `Journal.close`."""
        self._client.close()

    def _groups(self, partition: int, groups: Sequence[Sequence[int]]) -> list[list[tuple[int, bytes]]]:
        """Return for each group of positions what a replica knows from its first position on."""
        requests = [
            following(self._stream(partition), group[0], group[-1] - group[0] + 1, most_bytes=self.most_bytes)
            for group in groups
        ]
        return self._client.run(lambda connection: records_of(connection, requests))

    def _of_leader(self, partition: int, positions: Sequence[int]) -> dict[int, bytes | None]:
        """Return the contents at positions, as the leader knows them; None for those that were erased."""
        end = self.end(partition).position
        if positions[-1] > end:
            raise StoreUnavailable(
                f"the journal has no record at position {positions[-1]} of partition {partition}; it ends at {end}"
            )
        requests = [leaders(self._stream(partition), position, most_bytes=self.most_bytes) for position in positions]
        answers = self._client.run(lambda connection: connection.pipeline(requests))
        return {position: content_of(answer) for position, [answer] in zip(positions, answers, strict=True)}

    def _last_erased(self, partition: int, after: int) -> int:
        """Return the last position after one up to which all records were erased, as the leader knows it."""
        end = self.end(partition).position
        if end <= after:
            return after
        following = self._first_after(partition, after)
        return end if following is None else following - 1

    def _first_after(self, partition: int, position: int) -> int | None:
        """Return the position of the first record after one that was not erased, as the leader knows it."""
        request = {"seq": position + 1, "next_by_subj": self._subject(partition)}
        try:
            found = self._client.api(f"STREAM.MSG.GET.{self._stream(partition)}", **request)
        except NatsError as error:
            if error.code != NO_MESSAGE_FOUND:
                raise
            return None
        return int(found["message"]["seq"])

    def _make(self, partition: int) -> None:
        """Make the stream of a partition, or check that it is as it would be made."""
        if partition in self._made:
            return
        with self._lock:
            if partition in self._made:
                return
            name = self._stream(partition)
            try:
                config = self._client.api(f"STREAM.INFO.{name}")["config"]
            except NatsError as error:
                if error.code != _STREAM_NOT_FOUND:
                    raise
                config = self._created(partition)
            self._check(name, config)
            self._made.add(partition)

    def _created(self, partition: int) -> dict[str, Any]:
        name = self._stream(partition)
        try:
            made = self._client.api(
                f"STREAM.CREATE.{name}",
                name=name,
                subjects=[self._subject(partition)],
                discard="new",
                deny_purge=True,
                **self._settings,
            )
        except NatsError as error:
            if error.code != _STREAM_NAME_IN_USE:
                raise SettingsError(f"NATS does not make the stream {name}: {error}") from error
            # Another process has made it meanwhile.
            made = self._client.api(f"STREAM.INFO.{name}")
        config: dict[str, Any] = made["config"]
        return config

    def _check(self, name: str, config: Mapping[str, Any]) -> None:
        for setting, value in self._settings.items():
            found = config.get(setting)
            if found != value:
                raise SettingsError(f"the stream {name} of NATS has {setting} {found!r}; the hub needs {value!r}")

    def _stream(self, partition: int) -> str:
        return f"{self._name}-{partition}"

    def _subject(self, partition: int) -> str:
        return f"{self._name}.{partition}"
