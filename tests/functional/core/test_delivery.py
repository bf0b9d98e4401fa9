"""Posting: in order per connection, and nobody waits for another's trouble."""

from __future__ import annotations

import json

import pytest

from eventstore.frames.frame import Address, Delivery, Kind, Part
from eventstore.frames.hub_messages import closing
from eventstore.live.deliver import Deliverer, Patience, Unfinished
from eventstore.ports.connections import Unreachable
from tests.examples import FakeClock
from tests.fakes.connections import FakeConnections, gone, unreachable
from tests.fakes.queues import FakeDispatchQueue

FOR_EVER = 1 << 53


@pytest.fixture
def connections() -> FakeConnections:
    return FakeConnections()


@pytest.fixture
def dispatch_queue() -> FakeDispatchQueue:
    return FakeDispatchQueue()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def deliverer(connections: FakeConnections, dispatch_queue: FakeDispatchQueue, clock: FakeClock) -> Deliverer:
    return Deliverer(connections, dispatch_queue, clock=clock, jitter=lambda: 0.5, patience=Patience(tries=3))


def frame(number: int, *to: str, opened: int = 0) -> Part:
    addresses = tuple(Address(name, "s", number, opened) for name in to)
    return Part(Kind.EVENTS, 7, (f"c{number}",), ('[{"id":"1"}]',), addresses)


def encoded(*parts: Part) -> str:
    return Delivery(0, parts).encoded()


def deliver(deliverer: Deliverer, *texts: str) -> None:
    """A call with one group; all is done with."""
    assert deliverer.deliver([("g", text) for text in texts], until=FOR_EVER) == {}


def numbers(posted: list[str]) -> list[int]:
    return [json.loads(message)["frame"] for message in posted]


def test_each_address_gets_the_frame_under_its_own_id_and_number(
    deliverer: Deliverer, connections: FakeConnections
) -> None:
    part = Part(Kind.EVENTS, 7, ("c",), ('[{"id":"1"}]',), (Address("a", "s1", 4, 0), Address("b", "s2", 9, 0)))
    deliver(deliverer, encoded(part))
    assert json.loads(connections.posted["a"][0]) == {
        "type": "events",
        "id": "s1",
        "partition": 7,
        "frame": 4,
        "events": [{"id": "1"}],
        "cursor": "c",
    }
    assert numbers(connections.posted["b"]) == [9]


def test_frames_of_a_connection_keep_their_order(deliverer: Deliverer, connections: FakeConnections) -> None:
    deliver(deliverer, encoded(*(frame(number, "a", "b") for number in range(1, 9))))
    assert numbers(connections.posted["a"]) == numbers(connections.posted["b"]) == list(range(1, 9))


def test_a_client_that_is_busy_for_a_moment_gets_its_frame_once(
    deliverer: Deliverer, connections: FakeConnections
) -> None:
    connections.fail("a", unreachable(2))
    deliver(deliverer, encoded(frame(1, "a"), frame(2, "a")))
    assert numbers(connections.posted["a"]) == [1, 2]


def test_a_client_that_cannot_be_posted_to_is_disconnected_and_gets_nothing_more(
    deliverer: Deliverer, connections: FakeConnections, dispatch_queue: FakeDispatchQueue
) -> None:
    connections.fail("a", unreachable(3))
    deliver(deliverer, encoded(frame(1, "a"), frame(2, "a")))
    assert (connections.posted, connections.closed, dispatch_queue.closed_connections) == ({}, ["a"], ["a"])


def test_disconnecting_is_tried_as_often_as_posting(deliverer: Deliverer, connections: FakeConnections) -> None:
    connections.fail("a", unreachable(3))
    connections.refusals.extend(unreachable(2))
    deliver(deliverer, encoded(frame(1, "a")))
    assert connections.closed == ["a"]


def test_a_client_that_could_not_be_disconnected_gets_the_delivery_when_it_comes_again(
    deliverer: Deliverer, connections: FakeConnections, dispatch_queue: FakeDispatchQueue
) -> None:
    connections.fail("a", unreachable(3))
    connections.refusals.extend(unreachable(3))
    again = deliverer.deliver([("g", encoded(frame(1, "a")))], until=FOR_EVER)
    assert {number: type(error) for number, error in again.items()} == {0: Unreachable}
    deliver(deliverer, encoded(frame(1, "a")))
    assert (numbers(connections.posted["a"]), dispatch_queue.closed_connections) == ([1], [])


def test_a_client_that_is_gone_is_reported_once_and_not_tried_again(
    deliverer: Deliverer, connections: FakeConnections, dispatch_queue: FakeDispatchQueue
) -> None:
    connections.fail("a", gone(9))
    deliver(deliverer, encoded(frame(1, "a"), frame(2, "a")))
    assert (connections.tries, dispatch_queue.closed_connections) == (["a"], ["a"])


def test_a_bad_client_costs_others_nothing(deliverer: Deliverer, connections: FakeConnections) -> None:
    connections.fail("bad", unreachable(9))
    deliver(deliverer, encoded(frame(1, "bad", "good"), frame(2, "bad", "good")))
    assert numbers(connections.posted["good"]) == [1, 2]


def test_a_connection_that_is_still_opening_is_waited_for(
    deliverer: Deliverer, connections: FakeConnections, clock: FakeClock
) -> None:
    connections.fail("a", gone(4))
    deliver(deliverer, encoded(frame(1, "a", opened=clock.now())))
    assert numbers(connections.posted["a"]) == [1]


def test_a_connection_that_must_have_opened_by_now_is_not_waited_for(
    deliverer: Deliverer, connections: FakeConnections, dispatch_queue: FakeDispatchQueue, clock: FakeClock
) -> None:
    connections.fail("a", gone(4))
    deliver(deliverer, encoded(frame(1, "a", opened=clock.now() - 60_000)))
    assert (connections.tries, dispatch_queue.closed_connections) == (["a"], ["a"])


def test_a_connection_that_took_a_message_is_not_waited_for_when_it_is_gone(
    deliverer: Deliverer, connections: FakeConnections, dispatch_queue: FakeDispatchQueue, clock: FakeClock
) -> None:
    deliver(deliverer, encoded(frame(1, "a", opened=clock.now())))
    connections.fail("a", gone(4))
    deliver(deliverer, encoded(frame(2, "a", opened=clock.now())))
    assert (connections.tries, dispatch_queue.closed_connections) == (["a", "a"], ["a"])


def test_a_connection_that_did_not_open_is_waited_for_once(
    deliverer: Deliverer, connections: FakeConnections, dispatch_queue: FakeDispatchQueue, clock: FakeClock
) -> None:
    connections.fail("a", gone(99))
    for number in (1, 2):
        deliver(deliverer, encoded(frame(number, "a", opened=clock.now())))
    assert (connections.tries, dispatch_queue.closed_connections) == (["a"] * 8, ["a"])


def test_a_fault_of_the_hubs_own_is_returned_and_makes_the_delivery_come_again(
    deliverer: Deliverer, connections: FakeConnections
) -> None:
    connections.fail("a", [RuntimeError("bug")])
    again = deliverer.deliver([("g", encoded(frame(1, "a", "b")))], until=FOR_EVER)
    assert {number: repr(error) for number, error in again.items()} == {0: "RuntimeError('bug')"}


def farewell(*to: str) -> str:
    return Delivery(
        0, tuple(closing('{"type":"error"}', Address(name, "", 0, 0), shards=1).parts[0] for name in to)
    ).encoded()


class TestClosing:
    def test_a_client_gets_its_frames_then_the_reason_and_is_closed(
        self, deliverer: Deliverer, connections: FakeConnections, dispatch_queue: FakeDispatchQueue
    ) -> None:
        deliver(deliverer, encoded(frame(1, "a", "b")), farewell("a"))
        assert [json.loads(message)["type"] for message in connections.posted["a"]] == ["events", "error"]
        assert (connections.closed, dispatch_queue.closed_connections) == (["a"], [])

    def test_nothing_is_posted_to_it_afterwards(
        self, deliverer: Deliverer, connections: FakeConnections, dispatch_queue: FakeDispatchQueue
    ) -> None:
        deliver(deliverer, farewell("a"), encoded(frame(1, "a", "b")))
        deliver(deliverer, encoded(frame(2, "a", "b")))
        assert (len(connections.posted["a"]), numbers(connections.posted["b"])) == (1, [1, 2])
        assert dispatch_queue.closed_connections == []

    def test_closing_is_tried_as_often_as_posting(self, deliverer: Deliverer, connections: FakeConnections) -> None:
        connections.refusals.extend(unreachable(2))
        deliver(deliverer, farewell("a"))
        assert (connections.closed, len(connections.posted["a"])) == (["a"], 1)

    def test_one_that_could_not_be_closed_comes_again(self, deliverer: Deliverer, connections: FakeConnections) -> None:
        connections.refusals.extend(unreachable(3))
        again = deliverer.deliver([("g", farewell("a"))], until=FOR_EVER)
        assert {number: type(error) for number, error in again.items()} == {0: Unreachable}
        deliver(deliverer, farewell("a"))
        assert connections.closed == ["a"]

    def test_a_client_that_does_not_read_is_closed_all_the_same(
        self, deliverer: Deliverer, connections: FakeConnections
    ) -> None:
        connections.fail("a", unreachable(3))
        deliver(deliverer, farewell("a", "b"))
        assert sorted(connections.closed) == ["a", "b"]

    def test_one_that_is_gone_already_is_done_with(
        self, deliverer: Deliverer, connections: FakeConnections, dispatch_queue: FakeDispatchQueue
    ) -> None:
        connections.fail("a", gone(9))
        deliver(deliverer, farewell("a"))
        assert (connections.tries, dispatch_queue.closed_connections) == (["a"], ["a"])


class TestBatches:
    def test_deliveries_of_a_group_are_posted_in_their_order(
        self, deliverer: Deliverer, connections: FakeConnections
    ) -> None:
        deliver(deliverer, *(encoded(frame(number, "a", "b")) for number in range(1, 9)))
        assert numbers(connections.posted["a"]) == numbers(connections.posted["b"]) == list(range(1, 9))

    @pytest.mark.parametrize("together", [1, 3, 1000])
    def test_behind_one_that_failed_its_group_waits_and_others_do_not(
        self, connections: FakeConnections, dispatch_queue: FakeDispatchQueue, clock: FakeClock, together: int
    ) -> None:
        deliverer = Deliverer(connections, dispatch_queue, clock=clock, jitter=lambda: 0.5, together=together)
        connections.fail("a", unreachable(3))
        connections.refusals.extend(unreachable(3))
        batch = [
            ("g", encoded(frame(1, "ok"))),
            ("h", encoded(frame(1, "other"))),
            ("g", encoded(frame(2, "ok", "a"))),
            ("h", encoded(frame(2, "other"))),
            ("g", encoded(frame(3, "ok", "a"))),
            ("h", encoded(frame(3, "other"))),
        ]
        assert list(deliverer.deliver(batch, until=FOR_EVER)) == [2, 4]
        assert numbers(connections.posted["other"]) == [1, 2, 3]
        assert "a" not in connections.posted

    def test_what_failed_and_what_follows_it_is_posted_in_order_when_it_comes_again(
        self, deliverer: Deliverer, connections: FakeConnections
    ) -> None:
        batch = [("g", encoded(frame(number, "a"))) for number in (1, 2, 3)]
        connections.fail("a", [RuntimeError("bug")])
        again = deliverer.deliver(batch, until=FOR_EVER)
        assert deliverer.deliver([batch[number] for number in again], until=FOR_EVER) == {}
        assert numbers(connections.posted["a"]) == [1, 2, 3]

    def test_what_there_is_no_time_for_comes_again_in_order(
        self, connections: FakeConnections, dispatch_queue: FakeDispatchQueue, clock: FakeClock
    ) -> None:
        deliverer = Deliverer(
            Slow(connections, clock), dispatch_queue, clock=clock, jitter=lambda: 0.5, workers=1, together=2
        )
        batch = [("g", encoded(frame(number, "a", "b"))) for number in (1, 2, 3)]
        again = deliverer.deliver(batch, until=clock.now() + 2_500)
        assert {number: type(error) for number, error in again.items()} == {1: Unfinished, 2: Unfinished}
        assert (numbers(connections.posted["a"]), numbers(connections.posted["b"])) == ([1, 2], [1])
        assert deliverer.deliver([batch[number] for number in again], until=FOR_EVER) == {}
        assert (numbers(connections.posted["a"]), numbers(connections.posted["b"])) == ([1, 2, 2, 3], [1, 2, 3])

    def test_a_client_that_keeps_others_waiting_is_given_up_sooner(
        self, connections: FakeConnections, dispatch_queue: FakeDispatchQueue, clock: FakeClock
    ) -> None:
        deliverer = Deliverer(Slow(connections, clock, 2), dispatch_queue, clock=clock, jitter=lambda: 0.5)
        for name in ("alone", "shared"):
            connections.fail(name, unreachable(9))
        assert deliverer.deliver([("g", encoded(frame(1, "alone")))], until=FOR_EVER) == {}
        batch = [("g", encoded(frame(1, "shared"))), ("h", encoded(frame(1, "other")))]
        assert deliverer.deliver(batch, until=FOR_EVER) == {}
        assert (connections.tries.count("alone"), connections.tries.count("shared")) == (3, 1)
        assert (connections.closed, numbers(connections.posted["other"])) == (["alone", "shared"], [1])

    def test_a_connection_that_never_opens_is_waited_for_less_while_others_wait(
        self, deliverer: Deliverer, connections: FakeConnections, clock: FakeClock
    ) -> None:
        connections.fail("a", gone(99))
        began = clock.now()
        batch = [("g", encoded(frame(1, "a", opened=began))), ("h", encoded(frame(1, "other")))]
        assert deliverer.deliver(batch, until=FOR_EVER) == {}
        assert 2_000 <= clock.now() - began < 4_000


class Slow:
    """Connections of which each post takes some seconds."""

    def __init__(self, connections: FakeConnections, clock: FakeClock, seconds: float = 1) -> None:
        self._connections = connections
        self._clock = clock
        self._seconds = seconds

    def post(self, connection: str, message: bytes) -> None:
        self._clock.pass_seconds(self._seconds)
        self._connections.post(connection, message)

    def close(self, connection: str) -> None:
        self._connections.close(connection)
