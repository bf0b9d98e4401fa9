"""Three instances of the server on one durable Valkey, and the faults that strike them."""

from __future__ import annotations

import asyncio
from itertools import cycle

from tests.e2e.durables import StruckServerGroups
from tests.e2e.struck_servers import INSTANCES

__all__ = ["ChaosServers"]


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
