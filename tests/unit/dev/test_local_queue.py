from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from eventstore_dev.queues.declared import Queue
from eventstore_dev.queues.refusals import Refusal
from eventstore_dev.queues.store import Store, system_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moto.sqs.models import Message

    from eventstore_dev.queues.local_queue import LocalQueue

JOBS = Queue("Jobs", "jobs.fifo", (("FifoQueue", "true"),), "dead.fifo", 2)
DEAD = Queue("Dead", "dead.fifo", (("FifoQueue", "true"),))
PLAIN = Queue("Plain", "plain", (("VisibilityTimeout", "10"),))
GROUPED = Queue("Grouped", "grouped.fifo", (("FifoQueue", "true"), ("DeduplicationScope", "messageGroup")))
HASHED = Queue("Hashed", "hashed.fifo", (("ContentBasedDeduplication", "true"), ("FifoQueue", "true")))


class Clock:
    """A clock that only a test advances."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[Store]:
    """A store with an event loop for its wake-ups; no test here waits for one."""
    loop = asyncio.new_event_loop()
    asyncio._set_running_loop(loop)
    store = Store(clock=clock)
    store.declare([JOBS, DEAD, PLAIN, GROUPED, HASHED])
    yield store
    store.stop()
    asyncio._set_running_loop(None)
    loop.close()


@pytest.fixture
def jobs(store: Store) -> LocalQueue:
    return store.named("jobs.fifo")


def send(queue: LocalQueue, *names: str) -> None:
    """Send messages; the first letter of a name is its group: a1, a2, b1."""
    for name in names:
        queue.send(name, group=name[0], deduplication=name)


def take(queue: LocalQueue, most: int = 10) -> list[str]:
    return [message.body for message in queue.take(most)]


def handle(message: Message) -> str:
    assert message.receipt_handle is not None
    return message.receipt_handle


def test_a_group_is_in_order_and_closed_while_one_is_in_flight(jobs: LocalQueue) -> None:
    send(jobs, "a1", "b1", "a2")
    assert take(jobs, 2) == ["a1", "a2"]
    send(jobs, "a3")
    assert take(jobs) == ["b1"]


def test_a_message_visible_again_comes_before_later_ones(jobs: LocalQueue, clock: Clock) -> None:
    send(jobs, "a1", "a2")
    take(jobs, 1)
    clock.now += 30
    assert take(jobs) == ["a1", "a2"]


def test_a_group_goes_on_when_its_message_is_deleted(jobs: LocalQueue) -> None:
    send(jobs, "a1", "a2")
    (first,) = jobs.take(1)
    jobs.delete(handle(first))
    assert take(jobs) == ["a2"]


def test_a_duplicate_is_accepted_and_not_delivered_though_the_first_is_deleted(jobs: LocalQueue, clock: Clock) -> None:
    first = jobs.send("one", group="a", deduplication="x")
    jobs.delete(handle(jobs.take(1)[0]))
    clock.now += 299
    again = jobs.send("two", group="a", deduplication="x")
    assert (again.id, again.sequence_number) == (first.id, first.sequence_number)
    assert take(jobs) == []


def test_after_five_minutes_the_same_message_is_no_duplicate(jobs: LocalQueue, clock: Clock) -> None:
    send(jobs, "a1")
    clock.now += 300
    send(jobs, "a1")
    assert take(jobs) == ["a1", "a1"]


def test_a_duplicate_in_another_group_is_dropped_unless_groups_are_the_scope(jobs: LocalQueue, store: Store) -> None:
    grouped = store.named("grouped.fifo")
    for queue in (jobs, grouped):
        queue.send("one", group="a", deduplication="x")
        queue.send("two", group="b", deduplication="x")
    assert (take(jobs), take(grouped)) == (["one"], ["one", "two"])


def test_equal_content_is_a_duplicate_with_content_based_deduplication(store: Store) -> None:
    hashed = store.named("hashed.fifo")
    for _ in range(2):
        hashed.send("same", group="a")
    assert take(hashed) == ["same"]


def test_sequence_numbers_have_twenty_digits_and_grow(jobs: LocalQueue) -> None:
    numbers = [jobs.send(name, group="a", deduplication=name).sequence_number or "" for name in "xyz"]
    assert {len(number) for number in numbers} == {20}
    assert sorted(numbers) == numbers


def test_a_message_received_too_often_goes_to_the_dead_letters_in_order(
    jobs: LocalQueue, store: Store, clock: Clock
) -> None:
    send(jobs, "a1", "a2", "b1")
    for _ in range(2):
        assert take(jobs) == ["a1", "a2", "b1"]
        clock.now += 30
    assert take(jobs) == []
    dead = store.named("dead.fifo").take(10)
    assert [message.body for message in dead] == ["a1", "a2", "b1"]
    attributes = system_attributes(dead[0])
    assert attributes["DeadLetterQueueSourceArn"] == "arn:aws:sqs:us-east-1:123456789012:jobs.fifo"
    assert (attributes["MessageGroupId"], attributes["ApproximateReceiveCount"]) == ("a", "1")


def test_a_dead_letter_is_kept_though_it_looks_like_a_duplicate(jobs: LocalQueue, store: Store, clock: Clock) -> None:
    dead = store.named("dead.fifo")
    dead.send("a1", group="a", deduplication="a1")
    send(jobs, "a1")
    for _ in range(3):
        take(jobs)
        clock.now += 30
    assert take(dead) == ["a1", "a1"]


def test_later_ones_of_a_group_go_on_after_a_dead_letter(jobs: LocalQueue, clock: Clock) -> None:
    send(jobs, "a1", "a2")
    for _ in range(2):
        assert take(jobs, 1) == ["a1"]
        clock.now += 30
    assert take(jobs) == ["a2"]


def test_dead_letters_return_in_order_when_they_are_redriven(jobs: LocalQueue, store: Store, clock: Clock) -> None:
    send(jobs, "a1", "b1", "a2")
    for _ in range(3):
        take(jobs)
        clock.now += 30
    assert store.named("dead.fifo").redrive(lambda source: store.named(source.rpartition(":")[2])) == 3
    assert take(jobs) == ["a1", "a2", "b1"]
    assert take(store.named("dead.fifo")) == []


def test_an_expired_receipt_deletes_nothing_of_a_fifo_queue(jobs: LocalQueue, clock: Clock) -> None:
    send(jobs, "a1")
    (message,) = jobs.take(1)
    clock.now += 30
    with pytest.raises(Refusal, match="The receipt handle has expired"):
        jobs.delete(handle(message))
    assert take(jobs) == ["a1"]


def test_an_earlier_receipt_deletes_nothing(store: Store, clock: Clock) -> None:
    plain = store.named("plain")
    plain.send("one")
    earlier = handle(plain.take(1)[0])
    clock.now += 10
    plain.take(1)
    plain.delete(earlier)
    clock.now += 10
    assert take(plain) == ["one"]


def test_a_standard_queue_lets_an_expired_last_receipt_delete(store: Store, clock: Clock) -> None:
    plain = store.named("plain")
    plain.send("one")
    (message,) = plain.take(1)
    clock.now += 10
    plain.delete(handle(message))
    assert take(plain) == []


def test_deleting_twice_is_accepted(jobs: LocalQueue) -> None:
    send(jobs, "a1")
    (message,) = jobs.take(1)
    for _ in range(2):
        jobs.delete(handle(message))


def test_a_handle_of_another_queue_is_invalid(jobs: LocalQueue, store: Store) -> None:
    send(jobs, "a1")
    with pytest.raises(Refusal) as refused:
        store.named("plain").delete(handle(jobs.take(1)[0]))
    assert refused.value.code == "ReceiptHandleIsInvalid"


def test_a_message_may_be_kept_longer_or_given_back_at_once(jobs: LocalQueue, clock: Clock) -> None:
    send(jobs, "a1", "b1")
    first, second = jobs.take(10)
    jobs.hold(handle(first), 60)
    jobs.hold(handle(second), 0)
    clock.now += 30
    assert take(jobs) == ["b1"]
    clock.now += 30
    assert take(jobs) == ["a1"]


def test_only_messages_in_flight_can_be_kept_longer(jobs: LocalQueue, clock: Clock) -> None:
    send(jobs, "a1")
    (message,) = jobs.take(1)
    clock.now += 30
    with pytest.raises(Refusal) as refused:
        jobs.hold(handle(message), 5)
    assert refused.value.code == "AWS.SimpleQueueService.MessageNotInflight"


def test_a_delayed_message_waits(store: Store, clock: Clock) -> None:
    plain = store.named("plain")
    plain.send("late", delay=5)
    plain.send("now")
    assert take(plain) == ["now"]
    clock.now += 5
    assert take(plain) == ["late"]


def test_an_expired_message_is_removed(jobs: LocalQueue, clock: Clock) -> None:
    send(jobs, "a1")
    clock.now += 4 * 86_400
    send(jobs, "a2")
    assert take(jobs) == ["a2"]


def test_a_purged_queue_is_empty_and_knows_its_duplicates(jobs: LocalQueue) -> None:
    send(jobs, "a1", "a2")
    jobs.take(1)
    jobs.purge()
    send(jobs, "a1", "a3")
    assert take(jobs) == ["a3"]


def test_moto_counts_the_messages(jobs: LocalQueue, store: Store, clock: Clock) -> None:
    # moto counts by the clock of the machine.
    clock.now += 10_000_000_000
    send(jobs, "a1", "b1", "c1")
    jobs.take(2)
    counts = store.get_queue_attributes("jobs.fifo", ["All"])
    assert counts["ApproximateNumberOfMessagesNotVisible"] == 2


def test_a_waiting_receive_is_woken_by_a_message() -> None:
    async def scene() -> list[str]:
        store = Store()
        store.declare([DEAD])
        queue = store.named("dead.fifo")
        waiting = asyncio.create_task(queue.receive(10, wait=20))
        await asyncio.sleep(0)
        send(queue, "a1")
        return [message.body for message in await waiting]

    assert asyncio.run(scene()) == ["a1"]


def test_a_waiting_receive_is_woken_by_the_end_of_a_visibility_timeout() -> None:
    async def scene() -> list[str]:
        store = Store()
        store.declare([DEAD])
        queue = store.named("dead.fifo")
        send(queue, "a1")
        waiting = asyncio.create_task(queue.receive(10, wait=20))
        queue.take(1, visibility=0.01)
        return [message.body for message in await waiting]

    assert asyncio.run(scene()) == ["a1"]


def test_two_stores_of_a_process_share_nothing(store: Store) -> None:
    other = Store()
    other.declare([DEAD])
    send(other.named("dead.fifo"), "a1")
    assert take(store.named("dead.fifo")) == []


@pytest.mark.parametrize(
    ("queue", "message", "code"),
    [
        ("jobs.fifo", {"deduplication": "x"}, "MissingParameter"),
        ("jobs.fifo", {"group": "a"}, "InvalidParameterValue"),
        ("jobs.fifo", {"group": "a b", "deduplication": "x"}, "InvalidParameterValue"),
        ("jobs.fifo", {"group": "a", "deduplication": "x" * 129}, "InvalidParameterValue"),
        ("jobs.fifo", {"group": "a", "deduplication": "x", "delay": 1}, "InvalidParameterValue"),
        ("plain", {"deduplication": "x"}, "InvalidParameterValue"),
        ("plain", {"delay": 901}, "InvalidParameterValue"),
        ("plain", {"body": ""}, "MissingParameter"),
        ("plain", {"body": "\x00"}, "InvalidMessageContents"),
        ("plain", {"body": "\ufffe"}, "InvalidMessageContents"),
        ("plain", {"body": "ä" * 524_289}, "InvalidParameterValue"),
        ("plain", {"attributes": {"a": {"DataType": "Odd", "StringValue": "1"}}}, "InvalidParameterValue"),
        ("plain", {"attributes": {"a b": {"DataType": "String", "StringValue": "1"}}}, "InvalidParameterValue"),
        ("plain", {"attributes": {"a": {"DataType": "String"}}}, "InvalidParameterValue"),
    ],
)
def test_a_message_that_sqs_refuses_is_refused(store: Store, queue: str, message: dict[str, object], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        store.named(queue).send(**{"body": "text", **message})  # type: ignore[arg-type]
    assert refused.value.code == code
