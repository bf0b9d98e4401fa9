from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.deployment.templates import properties, resources

if TYPE_CHECKING:
    from collections.abc import Mapping

QUEUES = resources("AWS::SQS::Queue")
ASIDE = {
    queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].removesuffix(".Arn")
    for queue in QUEUES.values()
    if "RedrivePolicy" in queue
}
KEPT_BY_ITSELF = {
    "DeadLettersQueue": "parked events wait in it for an operator, and nothing receives from it by itself"
}
FOURTEEN_DAYS = 1209600
each_queue = pytest.mark.parametrize(("name", "queue"), QUEUES.items(), ids=QUEUES)


@each_queue
def test_messages_that_fail_repeatedly_go_to_a_dead_letter_queue(name: str, queue: Mapping[str, Any]) -> None:
    if name in ASIDE or name in KEPT_BY_ITSELF:
        assert queue["MessageRetentionPeriod"] == FOURTEEN_DAYS
    else:
        assert queue["RedrivePolicy"]["maxReceiveCount"] == 10


@each_queue
def test_a_queue_is_encrypted_and_refuses_unencrypted_requests(name: str, queue: Mapping[str, Any]) -> None:
    assert queue["SqsManagedSseEnabled"] is True
    policy = properties("template", "QueuesPolicy")
    assert {"Ref": name} in policy["Queues"]


@pytest.mark.parametrize("name", ["BellsQueue", "DeadLettersQueue", "DeliveriesQueue"])
def test_a_queue_of_many_groups_has_high_throughput(name: str) -> None:
    queue = QUEUES[name]
    assert (queue["DeduplicationScope"], queue["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")
