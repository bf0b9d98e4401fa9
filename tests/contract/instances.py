"""What every `Instances` keeps: who is alive, and the messages between them.

An adapter's test inherits this suite and brings `clock`, and `instances` with `ALIVE_MS` and `MAX_MESSAGES`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from eventstore.ports import FIRST_MESSAGE, InstanceId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.ports import Instances
    from tests.examples import FakeClock

ALIVE_MS = 3000
MAX_MESSAGES = 100

A, B, C = InstanceId("a"), InstanceId("b"), InstanceId("c")

OVERFLOW = [b"%05d" % number + b"." * 100 for number in range(5 * MAX_MESSAGES)]
"""More messages than an inbox holds, by far: the maximum is approximate."""


def received(instances: Instances, instance: InstanceId, after: str = FIRST_MESSAGE) -> tuple[list[bytes], str]:
    """Receive all messages that are there, of which none was lost; return them, and the place after them."""
    messages: list[bytes] = []
    while True:
        found = instances.receive(instance, after, block_ms=0)
        assert not found.has_gap
        if found.after == after:
            return messages, after
        messages += found.messages
        after = found.after


def received_after_a_gap(instances: Instances, instance: InstanceId, after: str) -> tuple[Sequence[bytes], str]:
    """Receive what is there after a place, before which something was lost, and return it."""
    found = instances.receive(instance, after, block_ms=0)
    assert found.has_gap
    messages, after = received(instances, instance, found.after)
    return [*found.messages, *messages], after


class InstancesContract:
    class TestBeingAlive:
        def test_all_that_are_alive_are_known_in_order(self, instances: Instances) -> None:
            assert list(instances.heartbeat(B)) == [B]
            assert list(instances.heartbeat(C)) == [B, C]
            assert list(instances.heartbeat(A)) == [A, B, C]
            assert list(instances.dead()) == []

        def test_an_instance_is_dead_once_its_last_heartbeat_is_too_old(
            self, instances: Instances, clock: FakeClock
        ) -> None:
            instances.heartbeat(A)
            clock.pass_seconds((ALIVE_MS - 1) / 1000)
            assert (list(instances.heartbeat(B)), list(instances.dead())) == ([A, B], [])
            clock.pass_seconds(0.001)
            assert (list(instances.heartbeat(B)), list(instances.dead())) == ([B], [A])

        def test_heartbeats_keep_an_instance_alive(self, instances: Instances, clock: FakeClock) -> None:
            for _ in range(3):
                instances.heartbeat(A)
                clock.pass_seconds(ALIVE_MS / 2000)
            assert list(instances.dead()) == []

        def test_one_that_was_dead_can_be_alive_again(self, instances: Instances, clock: FakeClock) -> None:
            instances.heartbeat(A)
            clock.pass_seconds(60)
            assert list(instances.dead()) == [A]
            assert list(instances.heartbeat(A)) == [A]
            assert list(instances.dead()) == []

        def test_one_that_left_is_neither_alive_nor_dead(self, instances: Instances, clock: FakeClock) -> None:
            instances.heartbeat(A)
            instances.leave(A)
            assert list(instances.heartbeat(B)) == [B]
            clock.pass_seconds(60)
            assert list(instances.dead()) == [B]

        def test_leaving_twice_changes_nothing(self, instances: Instances) -> None:
            instances.leave(A)
            instances.heartbeat(A)
            instances.leave(A)
            instances.leave(A)
            assert list(instances.heartbeat(B)) == [B]

        def test_the_dead_are_known_until_they_are_forgotten(self, instances: Instances, clock: FakeClock) -> None:
            instances.heartbeat(B)
            instances.heartbeat(A)
            clock.pass_seconds(3600)
            assert list(instances.dead()) == [A, B]
            instances.forget(A)
            instances.forget(A)
            assert list(instances.dead()) == [B]

        def test_one_that_is_alive_is_not_forgotten(self, instances: Instances) -> None:
            instances.heartbeat(A)
            instances.send(A, [b"1"])
            instances.forget(A)
            assert list(instances.heartbeat(B)) == [A, B]
            assert received(instances, A)[0] == [b"1"]

        def test_a_dead_instance_is_found_although_the_clock_was_set_back(
            self, instances: Instances, clock: FakeClock
        ) -> None:
            instances.heartbeat(A)
            clock.pass_seconds(-3600)
            assert list(instances.heartbeat(B)) == [A, B]
            clock.pass_seconds(ALIVE_MS / 1000)
            assert (list(instances.heartbeat(B)), list(instances.dead())) == ([B], [A])

    class TestMessages:
        def test_they_arrive_in_order_and_once(self, instances: Instances) -> None:
            instances.heartbeat(A)
            assert instances.send(A, [b"1", b"2"])
            assert instances.send(A, [b"3"])
            messages, after = received(instances, A)
            assert messages == [b"1", b"2", b"3"]
            instances.send(A, [b"4"])
            assert received(instances, A, after)[0] == [b"4"]

        def test_each_instance_receives_its_own(self, instances: Instances) -> None:
            for instance in (A, B):
                instances.heartbeat(instance)
                instances.send(instance, [instance.encode()])
            assert [received(instances, instance)[0] for instance in (A, B)] == [[b"a"], [b"b"]]

        def test_a_message_is_any_bytes(self, instances: Instances) -> None:
            instances.heartbeat(A)
            sent = [b"", b"\x00\xff", b"0-0", b"x" * 3_000_000]
            instances.send(A, sent)
            assert received(instances, A)[0] == sent

        def test_many_at_once_keep_their_order(self, instances: Instances) -> None:
            instances.heartbeat(A)
            sent = [b"%d" % number for number in range(MAX_MESSAGES)]
            instances.send(A, sent)
            assert received(instances, A)[0] == sent

        def test_without_any_nothing_is_received(self, instances: Instances) -> None:
            instances.heartbeat(A)
            messages, after = received(instances, A)
            assert (messages, instances.receive(A, after, block_ms=1)) == ([], ((), after, False))

        def test_sending_none_stores_none(self, instances: Instances) -> None:
            instances.heartbeat(A)
            assert instances.send(A, [])
            assert received(instances, A)[0] == []

        def test_a_receiver_that_waits_gets_them_at_once(self, instances: Instances) -> None:
            instances.heartbeat(A)
            _, after = received(instances, A)

            def wait() -> Sequence[bytes]:
                while not (found := instances.receive(A, after, block_ms=60_000)).messages:
                    assert not found.has_gap
                return found.messages

            with ThreadPoolExecutor() as pool:
                waiting = pool.submit(wait)
                instances.send(A, [b"1"])
                assert waiting.result() == [b"1"]

        def test_a_receiver_that_waits_delays_no_other_call(self, instances: Instances) -> None:
            instances.heartbeat(A)
            _, after = received(instances, A)
            with ThreadPoolExecutor() as pool:
                waiting = [pool.submit(instances.receive, A, after, block_ms=60_000) for _ in range(3)]
                assert list(instances.heartbeat(B)) == [A, B]
                instances.send(A, [b"1"])
                assert {tuple(receiver.result().messages) for receiver in waiting} <= {(b"1",), ()}

        def test_one_without_an_inbox_is_sent_nothing(self, instances: Instances) -> None:
            assert not instances.send(A, [b"1"])
            instances.heartbeat(A)
            assert received(instances, A)[0] == []

        def test_one_that_left_or_was_forgotten_is_sent_nothing(self, instances: Instances, clock: FakeClock) -> None:
            instances.heartbeat(A)
            instances.leave(A)
            instances.heartbeat(B)
            clock.pass_seconds(60)
            instances.forget(B)
            assert [instances.send(instance, [b"1"]) for instance in (A, B)] == [False, False]

        def test_a_dead_one_is_sent_messages_until_it_is_forgotten(
            self, instances: Instances, clock: FakeClock
        ) -> None:
            instances.heartbeat(A)
            clock.pass_seconds(30)
            assert instances.send(A, [b"1"])
            assert received(instances, A)[0] == [b"1"]

    class TestLosses:
        def test_a_receiver_finds_that_its_inbox_overflowed(self, instances: Instances) -> None:
            instances.heartbeat(A)
            _, after = received(instances, A)
            instances.send(A, OVERFLOW)
            messages, after = received_after_a_gap(instances, A, after)
            assert MAX_MESSAGES <= len(messages) < len(OVERFLOW)
            assert messages == OVERFLOW[-len(messages) :]
            instances.send(A, [b"1"])
            assert received(instances, A, after)[0] == [b"1"]

        def test_an_overflow_before_the_first_message_was_received_is_found(self, instances: Instances) -> None:
            instances.heartbeat(A)
            instances.send(A, OVERFLOW)
            messages, _ = received_after_a_gap(instances, A, FIRST_MESSAGE)
            assert messages == OVERFLOW[-len(messages) :]

        def test_what_was_received_makes_room(self, instances: Instances) -> None:
            instances.heartbeat(A)
            after, messages = FIRST_MESSAGE, []
            for start in range(0, len(OVERFLOW), MAX_MESSAGES):
                instances.send(A, OVERFLOW[start : start + MAX_MESSAGES])
                found, after = received(instances, A, after)
                messages += found
            assert messages == OVERFLOW

        def test_one_that_was_forgotten_finds_that_messages_were_lost(
            self, instances: Instances, clock: FakeClock
        ) -> None:
            instances.heartbeat(A)
            instances.send(A, [b"1"])
            _, after = received(instances, A)
            instances.send(A, [b"2"])
            clock.pass_seconds(60)
            instances.forget(A)
            instances.heartbeat(A)
            instances.send(A, [b"3"])
            assert received_after_a_gap(instances, A, after)[0] == [b"3"]

        def test_one_that_was_forgotten_finds_it_before_its_next_heartbeat(
            self, instances: Instances, clock: FakeClock
        ) -> None:
            instances.heartbeat(A)
            _, after = received(instances, A)
            clock.pass_seconds(60)
            instances.forget(A)
            assert received_after_a_gap(instances, A, after)[0] == []

        def test_a_lost_inbox_is_found_whatever_the_next_one_holds(self, instances: Instances) -> None:
            for count in (1, 2, 3, 4):
                instances.leave(A)
                instances.heartbeat(A)
                instances.send(A, [b"old"] * 3)
                _, after = received(instances, A)
                instances.leave(A)
                instances.heartbeat(A)
                instances.send(A, [b"new"] * count)
                assert received_after_a_gap(instances, A, after)[0] == [b"new"] * count
