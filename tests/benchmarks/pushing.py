"""What a function handles as the target of a rule, against the same function mapped to a FIFO queue directly.

The events wait beforehand, in the log of the hub or in the queue: a round lasts from the moment that lets them go until
the function has handled the last one. Both have the same events in the same order, and let the function run as often at
once as the local stack does by default. A call of a FIFO queue has up to 10 events, which SQS does not let be more; one
of a rule has up to its `batch`.
"""

from __future__ import annotations

import fcntl
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import boto3

from eventstore_dev.aws_names import REGION
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import EVENT_BYTES, Events
from tests.benchmarks.hub import running_hub, running_stack
from tests.benchmarks.measure import Aim, Figure, Rounds, Unit
from tests.benchmarks.rest import Rest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from types_boto3_sqs import SQSClient

    Message = tuple[str, bytes]
    """The stream and the body of an event."""

__all__ = ["figures"]

_STREAMS = 200
_PER_STREAM = 10
_COUNT = _STREAMS * _PER_STREAM
_WARM_UP, _ROUNDS = 8, 7
_BATCH = 10
_PUBLISHED_AT_ONCE = 100
_AT_ONCE = 16
"""How often the local stack runs a function at once by default."""
_WITHIN = 120.0
_GATE = "gate"
_TEMPLATE = """
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: steps.fifo, FifoQueue: true, VisibilityTimeout: 120}
  Step:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: step
      CodeUri: code
      Handler: step.handler
      Timeout: 20
      Environment: {Variables: {FOLDER: %s, SECONDS_PER_EVENT: "%s"}}
      Events:
        Queue:
          Type: SQS
          Properties: {Queue: !GetAtt Queue.Arn, BatchSize: 10, FunctionResponseTypes: [ReportBatchItemFailures]}
"""
_FUNCTION = f"""
import fcntl
import os
import time

handled = os.open(os.environ["FOLDER"] + "/handled", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def handler(event, context):
    records = event["Records"]
    if records[0]["body"] == "{_GATE}":
        os.write(handled, b".")
        with open(os.environ["FOLDER"] + "/{_GATE}") as gate:
            fcntl.flock(gate, fcntl.LOCK_SH)
    else:
        if seconds := float(os.environ["SECONDS_PER_EVENT"]):
            time.sleep(seconds * len(records))
        os.write(handled, b"." * len(records))
    return {{"batchItemFailures": []}}
"""


class _Case(NamedTuple):
    """What is measured.

    Attributes:
        function: What the function does.
        seconds_per_event: How long it takes, in seconds.
        batch: The most events of a call of the rule.
        aim: The aim of the ratio.
    """

    function: str
    seconds_per_event: float
    batch: int = _BATCH
    aim: Aim | None = None


_AIM = Aim("≥", 0.7)
_CASES = (
    _Case("does nothing", 0.0),
    _Case("does nothing, 100 a call of the rule", 0.0, batch=100, aim=_AIM),
    _Case("takes 10 ms an event", 0.01, aim=_AIM),
)


def figures() -> Iterator[Figure]:
    """Both sides take turns; which one goes first alternates."""
    for function, seconds_per_event, batch, aim in _CASES:
        rounds = _measured(seconds_per_event, batch=batch)
        what = f"{_COUNT:,} events of {EVENT_BYTES} bytes in {_STREAMS} streams to a function that {function}"
        yield Figure(f"{what}: events a second of a rule, against a queue", rounds.speed, Unit.RATIO, aim)
        yield Figure(f"{what}: a rule", _COUNT / median(rounds.ours), Unit.RATE)
        yield Figure(f"{what}: a FIFO queue mapped to it directly", _COUNT / median(rounds.theirs), Unit.RATE)


def _measured(seconds_per_event: float, *, batch: int) -> Rounds:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(running_stack(_written(folder, seconds_per_event)))
        steps = stack.enter_context(closing(_Steps(folder, url)))
        server = stack.enter_context(ValkeyServer.start())
        hub = stack.enter_context(running_hub(server.url, variables={"AWS_ENDPOINT_URL_LAMBDA": url}))
        return _rounds(_Rule(hub, steps, batch=batch).seconds, steps.seconds)


def _rounds(ours: Callable[[Sequence[Message]], float], theirs: Callable[[Sequence[Message]], float]) -> Rounds:
    """The seconds of both. The first rounds start the processes that the functions need, and do not count."""
    events = Events()
    took: list[tuple[float, float]] = []
    for number in range(_WARM_UP + _ROUNDS):
        messages = _messages(events)
        if number % 2:
            seconds = ours(messages), theirs(messages)
        else:
            late = theirs(messages)
            seconds = ours(messages), late
        took.append(seconds)
    return Rounds(*zip(*took[_WARM_UP:], strict=True))


def _messages(events: Events) -> Sequence[Message]:
    """The events of a round, one of each stream, then the next of each."""
    names = [events.stream() for _ in range(_STREAMS)]
    return [
        (name, event.body.replace(b'"workflowid":"order"', b'"workflowid":"%b"' % name.partition(":")[2].encode()))
        for _ in range(_PER_STREAM)
        for name, event in zip(names, events.take(_STREAMS), strict=True)
    ]


def _written(folder: Path, seconds_per_event: float) -> Path:
    """The template of the stack that has the function and the queue."""
    (folder / "code").mkdir()
    (folder / "code" / "step.py").write_text(_FUNCTION)
    (folder / _GATE).touch()
    (template := folder / "template.yaml").write_text(_TEMPLATE % (folder, seconds_per_event))
    return template


class _Steps:
    """The function, and the queue that is mapped to it.

    Args:
        folder: Where the function notes what it handles.
        url: Where its stack answers.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self._folder = folder
        self._sqs: SQSClient = boto3.client(
            "sqs",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="any",
            aws_secret_access_key="any",  # noqa: S106 - of no account
        )
        self._queue_url = self._sqs.get_queue_url(QueueName="steps.fifo")["QueueUrl"]

    def close(self) -> None:
        """Close the connections to the queue."""
        self._sqs.close()

    @property
    def handled(self) -> int:
        """How many events the function has handled, in all; a call that waits at the gate counts as one."""
        file = self._folder / "handled"
        return file.stat().st_size if file.exists() else 0

    def until(self, handled: int) -> None:
        """Return when the function has handled so many events."""
        deadline = time.monotonic() + _WITHIN
        while self.handled < handled:
            if time.monotonic() > deadline:
                raise AssertionError(f"the function handled {self.handled} of {handled} events within {_WITHIN:.0f} s")
            time.sleep(0.001)

    def seconds(self, messages: Sequence[Message]) -> float:
        """Send events to the queue; return the seconds that the function needs for them."""
        with self._held():
            for start in range(0, len(messages), _BATCH):
                self._send(messages[start : start + _BATCH])
            wanted = self.handled + len(messages)
            began = time.perf_counter()
        self.until(wanted)
        return time.perf_counter() - began

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Let nothing be received from the queue during the block: as many calls wait as may run at once."""
        with (self._folder / _GATE).open() as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            for number in range(_AT_ONCE):
                wanted = self.handled + 1
                self._send([(f"{_GATE}-{number}", _GATE.encode())])
                self.until(wanted)
            yield

    def _send(self, messages: Sequence[Message]) -> None:
        entries = [
            {
                "Id": str(index),
                "MessageBody": body.decode(),
                "MessageGroupId": stream,
                "MessageDeduplicationId": f"{stream}-{time.perf_counter_ns()}",
            }
            for index, (stream, body) in enumerate(messages)
        ]
        refused = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries).get("Failed")  # type: ignore[arg-type]
        if refused:
            raise AssertionError(f"the queue did not accept messages: {refused}")


class _Rule:
    """A durable subscription of the hub to all events, which becomes a rule when its events are published.

    Args:
        url: Where the hub answers.
        steps: The function that is its target.
        batch: The most events of a call.
    """

    def __init__(self, url: str, steps: _Steps, *, batch: int) -> None:
        self._rest = Rest(url)
        self._steps = steps
        self._batch = batch
        self._rest.call("POST", "subscriptions", {"id": "steps"})

    def seconds(self, messages: Sequence[Message]) -> float:
        """Publish events; return the seconds that the function needs for them."""
        for start in range(0, len(messages), _PUBLISHED_AT_ONCE):
            body = b"[%b]" % b",".join(body for _, body in messages[start : start + _PUBLISHED_AT_ONCE])
            self._rest.call("POST", "events", body, media_type="application/cloudevents-batch+json")
        wanted = self._steps.handled + len(messages)
        began = time.perf_counter()
        self._retarget({"lambda": "step", "batch": self._batch})
        self._steps.until(wanted)
        took = time.perf_counter() - began
        self._settle()
        self._retarget(None)
        return took

    def _retarget(self, target: dict[str, object] | None) -> None:
        self._rest.call("PATCH", "subscriptions/steps", {"target": target}, media_type="application/merge-patch+json")

    def _settle(self) -> None:
        """Return when the results of all pushes were applied."""
        self._rest.until("subscriptions/steps", lambda found: not (found["lag"] or found["in_flight"]), within=_WITHIN)
