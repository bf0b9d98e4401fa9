"""The processor time of the calls of AWS that every event passes, against boto3's (decision 051)."""

from __future__ import annotations

import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from eventstore.adapters.aws.apigateway import ApiGatewayConnections
from eventstore.adapters.aws.calls import connections_calls
from eventstore.adapters.aws.sqs_queue import Message, SqsQueue
from tests.benchmarks.measure import Aim, Figure, Unit, in_turn
from tests.benchmarks.placement import apart_from
from tests.benchmarks.stub_aws import stub_aws
from tests.contract.aws import environment, session, sqs_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["figures"]

_BYTES = 900
"""A frame with one event of 700 bytes."""
_CALLS, _ROUNDS = 100, 20
_AIM = Aim("≤", 0.5)
_CONNECTION = "L0SM9cOFvHcCIhw="
_QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/deliveries.fifo"


def figures() -> Iterator[Figure]:
    """Posts to a connection, and sends to a queue, one after the other over a kept connection."""
    with apart_from(stub_aws) as url:
        yield from _compared(f"A post of {_BYTES} bytes to a connection", *_posts(url))
        yield from _compared(f"A send of {_BYTES} bytes to a FIFO queue", *_sends(url))


def _posts(url: str) -> tuple[Callable[[int], object], Callable[[int], object]]:
    ours = ApiGatewayConnections(connections_calls(lambda: url, environment()))
    theirs = session().client("apigatewaymanagementapi", endpoint_url=url)
    message = b"x" * _BYTES
    return (
        lambda _: ours.post(_CONNECTION, message),
        lambda _: theirs.post_to_connection(ConnectionId=_CONNECTION, Data=message),
    )


def _sends(url: str) -> tuple[Callable[[int], object], Callable[[int], object]]:
    ours = SqsQueue(sqs_at(url), _QUEUE, name="the queue")
    theirs = session().client("sqs", endpoint_url=url)
    body = "x" * _BYTES
    return (
        lambda number: ours.send_one(Message("shard-1", body, f"delivery-{number}")),
        lambda number: theirs.send_message(
            QueueUrl=_QUEUE,
            MessageBody=body,
            MessageGroupId="shard-1",
            MessageDeduplicationId=f"delivery-{number}",
        ),
    )


def _compared(what: str, ours: Callable[[int], object], theirs: Callable[[int], object]) -> Iterator[Figure]:
    rounds = in_turn(
        lambda _: (partial(_repeated, ours), partial(_repeated, theirs)), rounds=_ROUNDS, clock=time.process_time
    )
    yield Figure(f"{what}: processor time, against boto3's", rounds.cost, Unit.RATIO, _AIM)
    for who, seconds in (("processor time", rounds.ours), ("boto3's", rounds.theirs)):
        yield Figure(f"{what}: {who}", 1000 * median(seconds) / _CALLS, Unit.MILLISECONDS)


def _repeated(call: Callable[[int], object]) -> None:
    for number in range(_CALLS):
        call(number)
