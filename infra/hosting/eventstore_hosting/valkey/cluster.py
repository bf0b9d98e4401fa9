"""A Valkey cluster of a few nodes, to meet every cross-slot mistake before production does."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import redis

from eventstore_hosting.kept_server import LOCAL, free_port
from eventstore_hosting.valkey.binary import ValkeyError
from eventstore_hosting.valkey.server import ValkeyServer, connect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_SLOTS = 16384
_JOINED_WITHIN = 20.0


class ValkeyCluster:
    """Primaries without replicas that share the slots evenly; every one of them answers `cluster_state:ok`."""

    def __init__(self, servers: Sequence[ValkeyServer]) -> None:
        self.servers = tuple(servers)

    @classmethod
    def start(cls, *, nodes: int = 3, persistent: bool = False, node_timeout_ms: int = 1000) -> Self:
        """Starts the nodes and joins them; returns when all of them serve all slots.

        Args:
            nodes: At least three, as a cluster's majority vote wants it.
            persistent: Whether a node that is killed and restarted has its data again.
            node_timeout_ms: After how long without an answer the others hold a node for failed.

        Raises:
            ValkeyError: They do not start, or do not find each other in time.
        """
        servers: list[ValkeyServer] = []
        try:
            buses = []
            for _ in range(nodes):
                buses.append(free_port())
                options = {
                    "cluster-enabled": "yes",
                    "cluster-config-file": "nodes.conf",
                    "cluster-node-timeout": str(node_timeout_ms),
                    "cluster-port": str(buses[-1]),
                }
                servers.append(ValkeyServer.start(persistent=persistent, options=options))
            _join(servers, buses)
        except BaseException:
            for server in servers:
                server.kill()
            raise
        return cls(servers)

    @property
    def url(self) -> str:
        """Where clients connect; `cluster=true` tells them what they meet."""
        return f"{self.servers[0].url}?cluster=true"

    def await_ok(self) -> None:
        """Returns when every node sees the whole cluster well.

        Raises:
            ValkeyError: It does not come to that in time.
        """
        deadline = time.monotonic() + _JOINED_WITHIN
        waiting = list(self.servers)
        while waiting:
            with suppress(redis.RedisError):
                if _sees_all(waiting[0], nodes=len(self.servers)):
                    waiting.pop(0)
                    continue
            if time.monotonic() > deadline:
                raise ValkeyError(
                    f"The cluster's node on port {waiting[0].port} is not well after {_JOINED_WITHIN:.0f} s."
                )
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends every node."""
        for server in self.servers:
            server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _ask(server: ValkeyServer, *words: str | int) -> Any:  # noqa: ANN401 - a reply's shape is the command's
    with connect(server.port) as client:
        return client.execute_command(*words)


def _sees_all(server: ValkeyServer, *, nodes: int) -> bool:
    told = _ask(server, "CLUSTER", "INFO")
    # redis-py parses this reply into a mapping, or leaves it as text, by version.
    facts = told if isinstance(told, dict) else dict(line.split(":", 1) for line in told.split())
    return facts["cluster_state"] == "ok" and int(facts["cluster_known_nodes"]) == nodes


def _join(servers: Sequence[ValkeyServer], buses: Sequence[int]) -> None:
    first, share = servers[0], -(-_SLOTS // len(servers))
    for number, server in enumerate(servers):
        # Distinct epochs spare the nodes a round of conflict resolution.
        _ask(server, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        _ask(server, "CLUSTER", "ADDSLOTSRANGE", number * share, min((number + 1) * share, _SLOTS) - 1)
    for server in servers[1:]:
        _ask(server, "CLUSTER", "MEET", LOCAL, first.port, buses[0])
    ValkeyCluster(servers).await_ok()
