"""The hub of a soak on a journal: the faults also strike the journal's servers, and the store loses what it has."""

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
from tests.e2e.server.journals import JOURNALS
from tests.e2e.servers import Instance, sweep
from tests.e2e.struck_servers import INSTANCES, StruckServers, end

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.e2e.server.journals import SoakJournal

__all__ = ["Loss", "StruckJournal", "StruckJournalGroups", "struck_journal"]


class Loss(Enum):
    """What happens to the store or to the journal's servers."""

    STORE_KILLED = "the store is killed and started again"
    STORE_EMPTIED = "the store loses all that it has"
    STORE_SET_BACK = "the store has what it had before"
    JOURNAL_KILLED = "a server of the journal is killed and started again"


@dataclass
class StruckJournal(StruckServers):
    """See `StruckServers`. Each fault of the cache is one of the losses, in an order that the seed decides on.

    Attributes:
        journal: The servers of the journal.
        losses: What happened, in this order.
    """

    journal: SoakJournal = field(kw_only=True)
    losses: list[Loss] = field(default_factory=list, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._copy = self.valkey.folder.with_name("copy")
        self._draw = Random(f"{self.random.random()}")
        self._next: list[Loss] = []

    @property
    def possible(self) -> Sequence[Loss]:
        """What may happen."""
        return [loss for loss in Loss if loss is not Loss.JOURNAL_KILLED or self.journal.can_be_struck]

    async def restart_cache(self) -> None:
        if not self._next:
            self._next = self._draw.sample(self.possible, len(self.possible))
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
                self.journal.strike(self._draw)

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
def struck_journal(
    seed: int, folder: Path, kind: type[S], *, journal: str, environment: Mapping[str, str]
) -> Iterator[S]:
    """Run three instances during the block, on a durable Valkey server and the servers of a journal.

    Args:
        seed: Decides on the faults.
        folder: Where the store is.
        kind: The class of what is returned.
        journal: The kind of the journal, of `JOURNALS`.
        environment: Variables of the instances.
    """
    with ExitStack() as stack:
        servers = stack.enter_context(JOURNALS[journal]())
        valkey = stack.enter_context(ValkeyServer.start(folder=folder, persistent=True))
        variables = {**environment, **servers.variables, "JOURNAL": "soak"}
        hub = kind(valkey, {}, variables, Random(f"{seed} faults"), journal=servers)
        stack.callback(end, hub)
        for name in INSTANCES:
            hub.instances[name] = Instance.start(valkey.url, environment=variables, logs=folder.parent)
        yield hub
