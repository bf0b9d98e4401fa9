"""Three instances of the server on one durable Valkey, with or without a journal, and the faults that strike them."""

from __future__ import annotations

import asyncio
from itertools import cycle
from typing import TYPE_CHECKING

from tests.e2e.durables import StruckServerGroups
from tests.e2e.server.journals import JOURNALS
from tests.e2e.server.struck_journal import StruckJournal, struck_journal
from tests.e2e.struck_servers import INSTANCES, struck_servers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["BACKENDS", "ChaosJournal", "ChaosServers", "chaos_servers"]

BACKENDS = ("redis", *JOURNALS)
"""Where events may be: in the store, or in a journal of one of these kinds."""


class ChaosServers(StruckServerGroups):
    """See `tests.transcripts.controls.GroupHub`; it has addresses of gRPC as well."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._grpc = cycle(INSTANCES)

    @property
    def grpc(self) -> str:
        """Host and port of the next instance's gRPC API."""
        return self.instances[next(self._grpc)].grpc

    async def all_resumed(self) -> None:
        """Return when no instance hangs any more."""
        await asyncio.gather(*self._resuming)


class ChaosJournal(StruckJournal, ChaosServers):
    """With a journal, so the store may lose what it has."""


def chaos_servers(
    seed: int, folder: Path, backend: str, *, environment: Mapping[str, str]
) -> AbstractContextManager[ChaosServers]:
    """Run the instances during the block.

    Args:
        seed: Decides on the faults.
        folder: Where the store is.
        backend: Of `BACKENDS`.
        environment: Variables of the instances.
    """
    if backend == "redis":
        return struck_servers(seed, folder, ChaosServers, environment=environment)
    return struck_journal(seed, folder, ChaosJournal, journal=backend, environment=environment)
