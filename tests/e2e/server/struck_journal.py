"""The hub of a soak on a journal: the faults also strike the journal's server, and the store loses what it has."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import TYPE_CHECKING, TypeVar

from redis import Redis

from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.durables import StruckServerGroups
from tests.e2e.servers import Instance, sweep
from tests.e2e.struck_servers import INSTANCES, StruckServers, end
from tests.nats_server import NatsServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Loss", "StruckJournal", "StruckJournalGroups", "struck_journal"]


class Loss(Enum):
    """What happens to the store or to the journal's server."""

    STORE_KILLED = "the store is killed and started again"
    STORE_EMPTIED = "the store loses all that it has"
    STORE_SET_BACK = "the store has what it had before"
    JOURNAL_KILLED = "the journal's server is killed and started again"


@dataclass
class StruckJournal(StruckServers):
    """See `StruckServers`. Each fault of the cache is one of the losses, in an order that the seed decides on.

    Attributes:
        journal: The server of the journal.
        losses: What happened, in this order.
    """

    journal: NatsServer = field(kw_only=True)
    losses: list[Loss] = field(default_factory=list, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._copy = self.valkey.folder.with_name("copy")
        self._draw = Random(f"{self.random.random()}")
        self._next: list[Loss] = []

    async def restart_cache(self) -> None:
        if not self._next:
            self._next = self._draw.sample(list(Loss), len(Loss))
        loss = self._next.pop()
        self.losses.append(loss)
        await asyncio.to_thread(self._suffer, loss)

    async def fire_sweep(self) -> None:
        await asyncio.to_thread(sweep, self.valkey.url, self.environment)

    def _suffer(self, loss: Loss) -> None:
        match loss:
            case Loss.STORE_KILLED:
                self.valkey.kill()
                self.valkey.restart()
            case Loss.STORE_EMPTIED:
                with Redis.from_url(self.valkey.url) as redis:
                    redis.flushall()
            case Loss.STORE_SET_BACK:
                self._set_back()
            case Loss.JOURNAL_KILLED:
                self.journal.kill()
                self.journal.restart()

    def _set_back(self) -> None:
        """Give the store what it had when this was called before; the first time, it stays what it is."""
        kept = self.valkey.folder / "appendonlydir"
        self.valkey.kill()
        older = self._copy.with_suffix(".older")
        if self._copy.exists():
            self._copy.rename(older)
        shutil.copytree(kept, self._copy)
        if older.exists():
            shutil.rmtree(kept)
            older.rename(kept)
        self.valkey.restart()


class StruckJournalGroups(StruckJournal, StruckServerGroups):
    """With durable subscriptions."""


S = TypeVar("S", bound=StruckJournal)


@contextmanager
def struck_journal(seed: int, folder: Path, kind: type[S], *, environment: Mapping[str, str]) -> Iterator[S]:
    """Run three instances during the block, on a durable Valkey server and a server of NATS.

    Args:
        seed: Decides on the faults.
        folder: Where the store is.
        kind: The class of what is returned.
        environment: Variables of the instances.
    """
    with ExitStack() as stack:
        journal = stack.enter_context(NatsServer.started())
        valkey = stack.enter_context(ValkeyServer.start(folder=folder, persistent=True))
        variables = {**environment, "BACKEND": "nats", "NATS_URL": journal.url, "JOURNAL": "soak"}
        hub = kind(valkey, {}, variables, Random(f"{seed} faults"), journal=journal)
        stack.callback(end, hub)
        for name in INSTANCES:
            hub.instances[name] = Instance.start(valkey.url, environment=variables, logs=folder.parent)
        yield hub
