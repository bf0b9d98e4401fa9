"""Posting: in order per connection, and nobody waits for another's trouble."""

from __future__ import annotations

import json

import pytest

from eventstore.delivery import Deliverer, Patience
from eventstore.frames import Address, Delivery, Kind, Part
from eventstore.ports.connections import Unreachable
from tests.examples import FakeClock
from tests.fakes.connections import FakeConnections, gone, unreachable
from tests.fakes.queues import FakeBells


@pytest.fixture
def connections() -> FakeConnections:
    return FakeConnections()


@pytest.fixture
def bells() -> FakeBells:
    return FakeBells()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def deliverer(connections: FakeConnections, bells: FakeBells, clock: FakeClock) -> Deliverer:
    return Deliverer(connections, bells, clock=clock, jitter=lambda: 0.5, patience=Patience(tries=3))


def frame(number: int, *to: str, opened: int = 0) -> Part:
    addresses = tuple(Address(name, "s", number, opened) for name in to)
    return Part(Kind.EVENTS, 7, (f"c{number}",), ('[{"id":"1"}]',), addresses)


def encoded(*parts: Part) -> str:
    return Delivery(0, parts).encoded()


def numbers(posted: list[str]) -> list[int]:
    return [json.loads(message)["frame"] for message in posted]


def test_each_address_gets_the_frame_under_its_own_id_and_number(
    deliverer: Deliverer, connections: FakeConnections
) -> None:
    part = Part(Kind.EVENTS, 7, ("c",), ('[{"id":"1"}]',), (Address("a", "s1", 4, 0), Address("b", "s2", 9, 0)))
    deliverer.deliver(encoded(part))
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
    deliverer.deliver(encoded(*(frame(number, "a", "b") for number in range(1, 9))))
    assert numbers(connections.posted["a"]) == numbers(connections.posted["b"]) == list(range(1, 9))


def test_a_client_that_is_busy_for_a_moment_gets_its_frame_once(
    deliverer: Deliverer, connections: FakeConnections
) -> None:
    connections.fail("a", unreachable(2))
    deliverer.deliver(encoded(frame(1, "a"), frame(2, "a")))
    assert numbers(connections.posted["a"]) == [1, 2]


def test_a_client_that_cannot_be_posted_to_is_disconnected_and_gets_nothing_more(
    deliverer: Deliverer, connections: FakeConnections, bells: FakeBells
) -> None:
    connections.fail("a", unreachable(3))
    deliverer.deliver(encoded(frame(1, "a"), frame(2, "a")))
    assert (connections.posted, connections.closed, bells.told_gone) == ({}, ["a"], ["a"])


def test_disconnecting_is_tried_as_often_as_posting(deliverer: Deliverer, connections: FakeConnections) -> None:
    connections.fail("a", unreachable(3))
    connections.refusals.extend(unreachable(2))
    deliverer.deliver(encoded(frame(1, "a")))
    assert connections.closed == ["a"]


def test_a_client_that_could_not_be_told_of_its_end_gets_the_delivery_when_it_comes_again(
    deliverer: Deliverer, connections: FakeConnections, bells: FakeBells
) -> None:
    connections.fail("a", unreachable(3))
    connections.refusals.extend(unreachable(3))
    with pytest.raises(Unreachable):
        deliverer.deliver(encoded(frame(1, "a")))
    deliverer.deliver(encoded(frame(1, "a")))
    assert (numbers(connections.posted["a"]), bells.told_gone) == ([1], [])


def test_a_client_that_is_gone_is_told_of_once_and_not_tried_again(
    deliverer: Deliverer, connections: FakeConnections, bells: FakeBells
) -> None:
    connections.fail("a", gone(9))
    deliverer.deliver(encoded(frame(1, "a"), frame(2, "a")))
    assert (connections.tries, bells.told_gone) == (["a"], ["a"])


def test_a_bad_client_costs_others_nothing(deliverer: Deliverer, connections: FakeConnections) -> None:
    connections.fail("bad", unreachable(9))
    deliverer.deliver(encoded(frame(1, "bad", "good"), frame(2, "bad", "good")))
    assert numbers(connections.posted["good"]) == [1, 2]


def test_a_connection_that_is_still_opening_is_waited_for(
    deliverer: Deliverer, connections: FakeConnections, clock: FakeClock
) -> None:
    connections.fail("a", gone(4))
    deliverer.deliver(encoded(frame(1, "a", opened=clock.now())))
    assert numbers(connections.posted["a"]) == [1]


def test_a_connection_that_must_have_opened_by_now_is_not_waited_for(
    deliverer: Deliverer, connections: FakeConnections, bells: FakeBells, clock: FakeClock
) -> None:
    connections.fail("a", gone(4))
    deliverer.deliver(encoded(frame(1, "a", opened=clock.now() - 60_000)))
    assert (connections.tries, bells.told_gone) == (["a"], ["a"])


def test_a_connection_that_took_a_message_is_not_waited_for_when_it_is_gone(
    deliverer: Deliverer, connections: FakeConnections, bells: FakeBells, clock: FakeClock
) -> None:
    deliverer.deliver(encoded(frame(1, "a", opened=clock.now())))
    connections.fail("a", gone(4))
    deliverer.deliver(encoded(frame(2, "a", opened=clock.now())))
    assert (connections.tries, bells.told_gone) == (["a", "a"], ["a"])


def test_a_connection_that_did_not_open_is_waited_for_once(
    deliverer: Deliverer, connections: FakeConnections, bells: FakeBells, clock: FakeClock
) -> None:
    connections.fail("a", gone(99))
    for number in (1, 2):
        deliverer.deliver(encoded(frame(number, "a", opened=clock.now())))
    assert (connections.tries, bells.told_gone) == (["a"] * 8, ["a"])


def test_a_fault_of_the_hubs_own_is_not_swallowed(deliverer: Deliverer, connections: FakeConnections) -> None:
    connections.fail("a", [RuntimeError("bug")])
    with pytest.raises(RuntimeError):
        deliverer.deliver(encoded(frame(1, "a", "b")))
