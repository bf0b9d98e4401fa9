from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from eventstore_server.options import read_options
from eventstore_server.service import Service

if TYPE_CHECKING:
    from eventstore_hosting.valkey import ValkeyServer


def test_work_of_connections_is_done_until_the_instance_has_left(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that was cut off may still wait for the store: its connection is removed once its thread comes back."""

    async def done_while_stopping() -> list[str]:
        service = Service(read_options(["--port", "0", "--grpc-port", "0"], {"REDIS_URL": valkey.url}))
        await service.start()
        *_, threads = service._doors._threads
        leave, done = service._leave, list[str]()

        async def leave_late() -> None:
            done.append(await threads.run(lambda: "before"))
            await leave()
            done.append(await threads.run(lambda: "after"))

        monkeypatch.setattr(service, "_leave", leave_late)
        await service.stop()
        with pytest.raises(RuntimeError, match="the threads have ended"):
            await threads.run(lambda: None)
        return done

    assert asyncio.run(done_while_stopping()) == ["before", "after"]
