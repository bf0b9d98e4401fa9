"""What is shared by the adapters of a process whose store is a journal with an index in Redis."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from eventstore.adapters.journaled.bodies import JournalBodies
from eventstore.adapters.journaled.copy_steps import JournaledCopySteps
from eventstore.adapters.journaled.definitions import JournaledDefinitions, JournaledGroupSteps
from eventstore.adapters.journaled.foldings import Foldings
from eventstore.adapters.journaled.index import Index
from eventstore.adapters.journaled.kept_bodies import KEPT_BYTES, KeptBodies
from eventstore.adapters.journaled.partitions import JournaledPartitions
from eventstore.adapters.journaled.rebuild import Rebuild
from eventstore.adapters.journaled.steps import JournaledSteps
from eventstore.adapters.journaled.trials import Trials
from eventstore.adapters.journaled.window import WINDOW_BYTES, Window
from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.keys import partition_keys
from eventstore.adapters.redis.partitions import random_epoch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.direct import Direct
    from eventstore.ports import Clock
    from eventstore.ports.journal import Journal
    from eventstore.positions import Epoch

__all__ = ["JournaledStore"]


def random_nonce() -> bytes:
    """Draw a nonce: 64 random bits."""
    return secrets.token_bytes(8)


class JournaledStore:
    """What the adapters of a process share of a store on a journal.

    Args:
        client: The client of Redis.
        journal: The journal.
        partitions: The expected number of partitions; None accepts that of the store, and 16 for a new one.
        shards: The expected number of shards of connections, likewise.
        new_epoch: Draws the epoch of a partition that is created or renewed.
        nonce: Draws what distinguishes a record from others.
        clock: The time of records; None is the server's time, which deployments use.
        connects: Returns how often the process has connected to Redis.
        direct: Sends what an append sends; None for the client.
        kept_bytes: How many bytes of records are kept in memory.
        window_bytes: How many bytes of records are kept in Redis, of each partition, if the journal is costly to read.

    Attributes:
        bodies: Fetches the bodies of events.
        index: The index of the journal.
        partitions: The partitions of the store.
        steps: Does what changes the log.
        rebuild: Makes the index anew.
        durable_definitions: The definitions of durable subscriptions.
        filter_definitions: The named filters.
        schema_definitions: The schemas of event types.
        groups: Starts and ends groups of durable subscriptions, and notes how turns leave them.
        copy_steps: Stores what is copied from another store.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        *,
        partitions: int | None = None,
        shards: int | None = None,
        new_epoch: Callable[[], Epoch] = random_epoch,
        nonce: Callable[[], bytes] = random_nonce,
        clock: Clock | None = None,
        connects: Callable[[], int] = lambda: 0,
        direct: Direct | None = None,
        kept_bytes: int = KEPT_BYTES,
        window_bytes: int = WINDOW_BYTES,
    ) -> None:
        self._client = client
        window = Window(client, most_bytes=window_bytes) if journal.is_costly_to_fetch else None
        self.bodies = JournalBodies(journal, kept=KeptBodies(kept_bytes), window=window)
        foldings = Foldings()
        trials = Trials(client, foldings, clock=clock, direct=direct)
        self.index = Index(client, journal, foldings=foldings, bodies=self.bodies, nonce=nonce, direct=direct)
        self.partitions = JournaledPartitions(
            client, self.index, trials, configured=partitions, shards=shards, new_epoch=new_epoch, connects=connects
        )
        self.steps = JournaledSteps(client, self.index, trials, partitions=self.partitions, bodies=self.bodies)
        self.rebuild = Rebuild(client, self.index, self.partitions)
        self.durable_definitions = JournaledDefinitions(client, self.partitions, "durable")
        self.filter_definitions = JournaledDefinitions(client, self.partitions, "filter")
        self.schema_definitions = JournaledDefinitions(client, self.partitions, "schema")
        self.groups = JournaledGroupSteps(client, self.partitions, journal)
        self.copy_steps = JournaledCopySteps(self.index, self.partitions, journal)

    def lag(self) -> int:
        """Return how many records of the journal its index does not have yet."""
        with ANSWERING:
            return sum(map(self.index.lag, range(self.partitions.count)))

    def diverged(self) -> Sequence[int]:
        """Return the partitions whose indexes are known not to follow their journals, or are being rebuilt."""
        with ANSWERING:
            pipeline = self._client.pipeline(transaction=False)
            for partition in range(self.partitions.count):
                pipeline.hexists(partition_keys(partition).partition, "diverged")
            return [partition for partition, diverged in enumerate(pipeline.execute()) if diverged]
