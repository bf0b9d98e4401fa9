"""The newest records of a journal, in Redis, for readers whom the journal itself would keep waiting."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from redis.exceptions import NoScriptError, ResponseError

from eventstore.adapters.redis.keys import partition_keys
from eventstore.adapters.redis.scripts import Script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.direct import Command

__all__ = ["WINDOW_BYTES", "Window"]

WINDOW_BYTES = 4 * 1024 * 1024
"""How much is kept of each partition: 64 MiB of a store of 16. These are the last 5,000 events of 800 bytes: what a
subscriber reads who is live, or was away for a moment."""


class Window:
    """Keeps the newest records of appends of each partition. Threads may share it.

    What is in it may be lost, or be of another history of the journal; the marks of references show that. It does not
    notice what the journal erases.

    Args:
        client: The client of the store.
        most_bytes: How many bytes of records are kept of each partition.
    """

    def __init__(self, client: Client, *, most_bytes: int) -> None:
        self._client = client
        self._most_bytes = most_bytes
        self._keep = Script("journal/keep_record")

    def commands(self, partition: int, position: int, record: bytes) -> Sequence[Command]:
        """Return the commands that keep a record: one, or none for a record that is too long.

        Args:
            partition: The partition.
            position: The position of the record in the journal.
            record: The record.
        """
        if len(record) > self._most_bytes:
            return ()
        return (self._keep.command([partition_keys(partition).bodies], (position, record, self._most_bytes)),)

    def answered(self, commands: Sequence[Command], answers: Sequence[object]) -> None:
        """Take in the answers of `commands`: a server that does not know the script receives it.

        After any other error the record is not kept, as where the memory of the server is full.

        Args:
            commands: The commands.
            answers: Their answers; none if they are not known.
        """
        if commands and (not answers or isinstance(answers[0], NoScriptError)):
            [(_, _, _, key, *arguments)] = commands
            with suppress(ResponseError):
                self._keep(self._client, [str(key)], arguments)

    def records(self, positions: Mapping[int, Sequence[int]]) -> dict[int, dict[int, bytes]]:
        """Return the records that are kept of those at some positions, by partition and position.

        Args:
            positions: The positions of each partition.
        """
        pipeline = self._client.pipeline(transaction=False)
        for partition, asked in positions.items():
            pipeline.hmget(partition_keys(partition).bodies, asked)
        return {
            partition: {position: record for position, record in zip(asked, found, strict=True) if record is not None}
            for (partition, asked), found in zip(positions.items(), pipeline.execute(), strict=True)
        }
