"""SQS where the hub meets it. What a place does otherwise than SQS has a test of its own, instead of the contract's.

Such a test fails as soon as the place does what SQS does; then it goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.contract.endpoints import at_endpoint, needs_endpoint, on_local_stack, on_moto
from tests.contract.queues import QueuesContract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_sqs import SQSClient

    from tests.contract.queues import Queue


class TestOnTheLocalStack(QueuesContract):
    """All of it: what moto does otherwise, `eventstore_dev.queues` mends."""

    @pytest.fixture(scope="class")
    @classmethod
    def sqs(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQSClient]:
        with on_local_stack(tmp_path_factory.mktemp("stack")) as client:
            yield client


class TestOnMoto(QueuesContract):
    @pytest.fixture(scope="class")
    @classmethod
    def sqs(cls) -> Iterator[SQSClient]:
        with on_moto() as client:
            yield client

    # Mostly it lets the one behind it overtake; which one comes first depends on when it is asked.
    test_what_is_not_deleted_in_time_comes_again_before_what_is_behind_it = None

    test_a_receipt_that_ran_out_deletes_nothing = None

    def test_moto_deletes_a_message_by_a_receipt_that_ran_out(self, fifo: Queue) -> None:
        fifo.send("1")
        [late] = fifo.take(VisibilityTimeout=0)
        fifo.delete(late)
        assert fifo.bodies() == []

    test_a_receipt_that_ran_out_holds_nothing = None

    def test_moto_holds_a_message_by_a_receipt_that_ran_out(self, fifo: Queue) -> None:
        fifo.send("1")
        [late] = fifo.take(VisibilityTimeout=0)
        fifo.hold(late, 30)
        assert fifo.bodies() == []

    test_a_message_with_an_id_that_was_sent_is_not_delivered_again = None

    def test_moto_names_a_duplicate_by_an_id_that_nobody_has(self, fifo: Queue) -> None:
        first = fifo.send("1", deduplication="d")
        assert fifo.send("1", deduplication="d") != first
        assert [message["MessageId"] for message in fifo.take()] == [first]

    test_an_id_is_remembered_though_its_message_is_deleted = None

    def test_moto_forgets_an_id_with_its_message(self, fifo: Queue) -> None:
        fifo.send("1", deduplication="d")
        fifo.drain(1)
        fifo.send("1", deduplication="d")
        assert fifo.bodies() == ["1"]

    test_an_id_speaks_for_its_group_alone = None

    def test_moto_lets_an_id_speak_for_all_groups_whatever_its_scope(self, fifo: Queue) -> None:
        fifo.send("a", group="a", deduplication="d")
        fifo.send("b", group="b", deduplication="d")
        assert fifo.bodies() == ["a"]

    test_a_character_that_sqs_does_not_take_is_refused = None

    @pytest.mark.parametrize("character", ["\x01", "\x1f", "\ufffe"], ids=["control", "separator", "no-character"])
    def test_moto_takes_characters_that_sqs_refuses(self, fifo: Queue, character: str) -> None:
        fifo.send(character)
        assert fifo.bodies() == [character]

    test_an_empty_body_is_refused = None

    def test_moto_takes_an_empty_body(self, fifo: Queue) -> None:
        fifo.send("")
        assert fifo.bodies() == [""]


@needs_endpoint
class TestOnLocalStack(QueuesContract):
    """At AWS_ENDPOINT_URL; see `make test-queues`."""

    @pytest.fixture(scope="class")
    @classmethod
    def sqs(cls) -> Iterator[SQSClient]:
        with at_endpoint() as client:
            yield client

    test_a_receipt_that_ran_out_deletes_nothing = None

    def test_localstack_refuses_a_receipt_that_ran_out_until_its_message_is_received_again(self, fifo: Queue) -> None:
        fifo.send("1")
        [late] = fifo.take(VisibilityTimeout=0)
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            fifo.delete(late)
        [current] = fifo.take()
        fifo.delete(late)
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            fifo.hold(current, 0)

    test_a_receipt_that_ran_out_holds_nothing = None

    def test_localstack_ignores_that_a_receipt_ran_out_and_holds_nothing(self, fifo: Queue) -> None:
        fifo.send("1")
        [late] = fifo.take(VisibilityTimeout=0)
        fifo.hold(late, 30)
        assert fifo.bodies() == ["1"]

    test_a_delay_is_at_most_fifteen_minutes = None

    def test_localstack_delays_for_longer_than_sqs(self, plain: Queue) -> None:
        plain.send("1", DelaySeconds=901)
        assert plain.bodies() == []
