"""NATS servers with JetStream as child processes, which tests kill and start again.

`python -m tests.nats_server COMMAND…` runs a command beside one, with BACKEND and NATS_URL.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager, nullcontext
from typing import TYPE_CHECKING

from eventstore.adapters.nats.address import NatsUrl
from eventstore.adapters.nats.client import NatsClient, checked
from eventstore.adapters.nats.errors import NoResponders
from eventstore_hosting import nats
from eventstore_hosting.kept_server import LOCAL
from tests.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from eventstore.adapters.nats.connection import Connection

__all__ = ["NatsCluster", "NatsServer"]

_ELECTED_WITHIN = 60.0


class NatsServer(nats.NatsServer):
    """One server on 127.0.0.1. What it acknowledged is on disk: it can be killed and started again."""

    @classmethod
    @contextmanager
    def started(
        cls,
        *,
        configuration: str = "",
        jetstream: str = nats.ALWAYS_SYNCED,
        placement: Callable[[], AbstractContextManager[None]] = nullcontext,
        server_name: str = "",
    ) -> Iterator[NatsServer]:
        """Run a server during the block.

        Args:
            configuration: What else is in its configuration file.
            jetstream: The settings of JetStream, beside its folder.
            placement: The context in which its process starts; says for example on which processors it runs.
            server_name: Its name in a cluster.
        """
        with placement():
            server = cls.start(configuration=configuration, jetstream=jetstream, server_name=server_name)
        with server:
            yield server


class NatsCluster:
    """Servers s0, s1 and s2 that keep each stream together.

    Attributes:
        servers: The servers.
        url: The `NATS_URL` of a hub on them.
    """

    def __init__(self, servers: Sequence[NatsServer]) -> None:
        self.servers = servers
        self.url = "nats://" + ",".join(server.url.removeprefix("nats://") for server in servers)

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[NatsCluster]:
        """Run the servers during the block. They have no leader yet."""
        with ExitStack() as stack:
            routes = [stack.enter_context(ReservedPort()).number for _ in range(3)]
            known = ", ".join(f"nats://{LOCAL}:{route}" for route in routes)
            servers = [
                stack.enter_context(
                    NatsServer.started(
                        configuration=f"cluster {{ name: tests, listen: {LOCAL}:{route}, routes: [{known}] }}",
                        server_name=f"s{number}",
                    )
                )
                for number, route in enumerate(routes)
            ]
            yield cls(servers)

    def leader(self, stream: str) -> NatsServer:
        """Return the leader of a stream, once it has one."""

        def name(connection: Connection) -> str:
            cluster = checked(connection.request(f"$JS.API.STREAM.INFO.{stream}", b""))["cluster"]
            # While there is none, any server answers.
            if "leader" not in cluster:
                raise NoResponders(f"the stream {stream} has no leader")
            return str(cluster["leader"])

        with closing(NatsClient(NatsUrl.parse(self.url), seconds=_ELECTED_WITHIN)) as client:
            return self.servers[int(client.run(name)[1:])]


def main(command: Sequence[str]) -> int:
    """Return the exit code of a command that runs beside a server."""
    with NatsServer.started() as server:
        environment = os.environ | {"BACKEND": "nats", "NATS_URL": server.url}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
