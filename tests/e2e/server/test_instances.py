"""Several instances of the server on one store, all of which work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed

from tests.e2e.dev.conftest import wait_until
from tests.e2e.live import SECONDS, Bare, Client, event, publish, sequences
from tests.e2e.server.states import farewell_of, finished, listed, owned_by
from tests.e2e.server.workers import STREAMS, Handled, working
from tests.e2e.servers import instances_on
from tests.e2e.test_durable import Rest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore_hosting.valkey import ValkeyServer
    from tests.e2e.servers import Instance, ServerHub

pytestmark = pytest.mark.needs("instances")


def test_a_subscriber_receives_what_is_published_on_any_instance(hubs: Sequence[ServerHub]) -> None:
    with Client(hubs[0]) as client, Bare(hubs[1], ("type", "t")) as bare:
        client.subscribe()
        bare.subscribed()
        for number in range(1, 13):
            publish(hubs[number % 3], event(number))
        assert [received["id"] for received in client.until_events(12)] == [str(n) for n in range(1, 13)]
        assert sequences(bare.until_events(12), "wf-1") == list(range(1, 13))


def test_members_on_all_instances_share_the_partitions(hubs: Sequence[ServerHub]) -> None:
    rest, handled = Rest(hubs[0]), Handled()
    assert rest.call("POST", "subscriptions", **{"id": "workers", "from": "start"})[0] == 201
    with working(hubs, "workers", handled):
        rest.until("subscriptions/workers", owned_by(3))
        for number in range(4):
            publish(hubs[number % 3], *(event(f"{stream}-{number}", stream=stream) for stream in STREAMS))
        rest.until("subscriptions/workers", finished)
    assert handled.workers == {0, 1, 2}
    for stream in STREAMS:
        assert handled.first_times(stream) == [1, 2, 3, 4]


def test_an_operator_lists_and_closes_connections_of_other_instances(hubs: Sequence[ServerHub]) -> None:
    with Client(hubs[1]) as client, Bare(hubs[2], ("type", "t")) as bare:
        client.subscribe()
        bare.subscribed()
        connections = listed(hubs[0])
        assert len(connections) == 2
        assert listed(hubs[1]) == listed(hubs[2]) == connections
        for connection in connections:
            assert hubs[0].call("DELETE", f"/api/v1/connections/{connection}").status == 204
        assert farewell_of(client) == ("connection-not-found", 1000)
        assert bare.word("closed")["data"]["code"] == "connection-not-found"
        with pytest.raises(ConnectionClosed):
            bare.receive()
    assert listed(hubs[0]) == set()


_COUNTING_SWEEPS = """
import sys
from eventstore.live.sweep import Sweeper
from eventstore_server import __main__, service
sweep = Sweeper.sweep
def counted(self, **options):
    print("swept", file=sys.stderr, flush=True)
    return sweep(self, **options)
Sweeper.sweep, service._SWEEP_SECONDS = counted, 0.05
sys.exit(__main__.main())
"""


def test_one_instance_sweeps_and_another_one_when_it_has_died(own_store: ValkeyServer) -> None:
    with instances_on(own_store.url, count=3, program=_COUNTING_SWEEPS) as instances:
        sweeping = the_only_sweeper(instances)
        sweeping.kill()
        the_only_sweeper([instance for instance in instances if instance is not sweeping])


def the_only_sweeper(instances: Sequence[Instance]) -> Instance:
    """Wait until one of the instances has swept twenty times while the others have not."""
    found: list[Instance] = []
    before = [sweeps(instance) for instance in instances]

    def has_one() -> bool:
        now = [sweeps(instance) for instance in instances]
        grown = [instance for instance, old, new in zip(instances, before, now, strict=True) if new > old]
        if len(grown) > 1:
            # One of them has just joined, and the others have partitions that fall to it.
            before[:] = now
        elif sum(now) >= sum(before) + 20:
            found.extend(grown)
        return bool(found)

    wait_until(has_one, what="one instance sweeps", seconds=SECONDS)
    return found[0]


def sweeps(instance: Instance) -> int:
    return instance.errors.read_text().count("swept")
