"""The functions of the hub in this process, on a real store, with simulated queues and clocks."""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha1
from typing import TYPE_CHECKING, Any
from unittest import mock

from redis import Redis

from eventstore.adapters import clock as system_clock
from eventstore.adapters.memory.objects import MemoryObjects
from eventstore.adapters.redis import log, partitions, registry, scripts, turns
from eventstore.adapters.redis.connection import connect
from eventstore.archive import archiver
from eventstore.archive.files import FileLimits
from eventstore.archive.merging import MergeLimits
from eventstore.archive.sealing import SealLimits
from eventstore.errors import EventstoreError, QueueUnavailable
from eventstore.frames.builder import FrameLimits
from eventstore.hub import hub as root
from eventstore.live import catch_up
from eventstore.live.deliver import Deliverer
from eventstore.live.push import NoTime, Pusher
from eventstore.ports import Refusal, TargetThrottled, TargetUnavailable
from functions.deliver.app import handler as deliver
from functions.dispatch.app import handler as dispatch
from functions.hub import hub
from functions.websocket.app import handler as websocket
from tests.chaos.clocks import Clocks
from tests.chaos.gateway import Gateway
from tests.chaos.queues import Alarms, Deliveries, DispatchQueue, Fifo, Letters, Outage, Pushes
from tests.chaos.violation import Violation
from tests.chaos.wiring import Killed, Process, Wired, Wiring
from tests.fresh import forget
from tests.functional.rest.api import Api, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from random import Random

    from eventstore.archive.archiver import Archived
    from eventstore.frames.pushes import PushedEvent
    from eventstore.live.dispatch import Dispatcher
    from eventstore.ports import DeadLetter
    from eventstore.subscriptions import Target
    from tests.chaos.queues import Message
    from tests.chaos.targets import Answer

__all__ = ["PARTITIONS", "Hub", "Watch"]

PARTITIONS = 4

# Small, so that little needs several turns.
_LIMITS: dict[str, Any] = {
    "events": 8,
    "behind": 3,
    "behind_events": 6,
    "behind_together": 12,
    "pairs": 60,
    "frames": FrameLimits(events=4),
}

_ARCHIVING: Mapping[str, Any] = {
    "seal": SealLimits(age_ms=0, events=8, read_at_once=5, files=FileLimits(member=600, file=1500, longest=4000)),
    "merge": MergeLimits(full=5000, files=FileLimits(member=600, file=1500, longest=4000)),
    "maintained_ms": 60_000,
}

_DISPATCHER: Callable[[root.Hub], Dispatcher] = vars(root.Hub)["dispatcher"].func

_ONE_TURN, _MANY_TURNS = 2500, 30_000
"""The remaining milliseconds of a function: time for one turn, or for all."""

_BELL_EXPIRES = 10_000


@dataclass
class Watch:
    """Observers of the messages of the hub."""

    message: Callable[[str, dict[str, Any]], None]
    letter: Callable[[DeadLetter], None]
    push: Callable[[str, Sequence[tuple[str, int]]], None]
    loss: Callable[[str, dict[str, Any]], None]


@dataclass
class _Context:
    milliseconds: int = _MANY_TURNS
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


class _Inline:
    """Runs the tasks of a thread pool immediately and in order."""

    def submit(self, do: Callable[..., Any], *arguments: Any) -> Future[Any]:  # noqa: ANN401 - as Executor has it
        future: Future[Any] = Future()
        future.set_result(do(*arguments))
        return future


def _log(make: Callable[..., log.RedisLog], clocks: Clocks, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - a log
    """A log whose events have the cache's time, while what it does with streams goes by the functions' clock."""
    log = make(*arguments, clock=clocks.log, **options)
    log._streams._clock = clocks
    return log


class _Unlocked:
    """`cached_property` without its lock, which all instances share (Python 3.11): who waits would hold it."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self._compute = compute
        self._name = compute.__name__

    def __get__(self, instance: Any, _: type | None = None) -> Any:  # noqa: ANN401 - as cached_property has it
        kept = vars(instance)
        if self._name not in kept:
            kept[self._name] = self._compute(instance)
        return kept[self._name]


class _Faults(logging.Handler):
    """Keeps the newest fault that a function logged with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.newest = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.newest = self.format(record)


class _Losses(logging.Handler):
    """Reads in the log what was removed before it was pushed."""

    def __init__(self, watch: Callable[[str, dict[str, Any]], None]) -> None:
        super().__init__(logging.WARNING)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        subscription, words, lost = record.getMessage().partition(": removed before it was pushed: ")
        if words:
            self._watch(subscription, json.loads(lost))


@dataclass
class _Targets:
    """`ports.TargetAdapter`; `call` calls the target at an address with events, and the number that each comes with."""

    wiring: Wiring
    call: Callable[[str, Sequence[dict[str, Any]], Sequence[int]], Answer]

    def push(
        self,
        target: Target,
        events: Sequence[PushedEvent],
        *,
        attempt: int,  # noqa: ARG002 - each event has its own
        timeout_ms: int,  # noqa: ARG002 - no call takes longer
    ) -> Mapping[int, Refusal]:
        bodies = [json.loads(event.text) for event in events]

        def call() -> Answer:
            with self.wiring.aside():
                return self.call(target.address, bodies, [event.attempt for event in events])

        answer: Answer = self.wiring.call(call)
        if answer.is_away:
            raise TargetUnavailable("no answer")
        if answer.is_busy:
            raise TargetThrottled("slow down", delay_ms=answer.pause)
        return {number: Refusal(*refused) for number, refused in answer.refused.items()}


class Hub:
    """Calls functions, each as a process that may end at any call of something outside.

    Attributes:
        arm: Gives the process that is to run next the place where it ends.
        killed: How many processes have ended before their time.
    """

    def __init__(
        self,
        url: str,
        rng: Random,
        watch: Watch,
        *,
        scripts: Mapping[str, Callable[[str], str]] | None = None,
    ) -> None:
        self._url = url
        self._rng = rng
        self._watch = watch
        self._changed = scripts or {}
        self._faults = _Faults()
        self.clocks = Clocks()
        self.wiring = Wiring(rng)
        self.outage = Outage()
        self.alarms = Alarms()
        self.wakeups = Fifo()
        self.deliveries = Fifo()
        self.pushes = Fifo()
        self.gateway = Gateway()
        self.killed = 0
        self.arm: Process | None = None
        self._bells_since = 0
        self._api = Api()

    @contextmanager
    def running(self) -> Iterator[Hub]:
        """The hub on an empty store."""
        with ExitStack() as stack:
            self.raw = stack.enter_context(Redis.from_url(self._url))
            self.raw.flushall()
            # The flag of a pending wake-up expires by simulated time, and scripts of earlier runs must not remain.
            self.raw.script_flush()
            environment = {"REDIS_URL": self._url, "PARTITIONS": str(PARTITIONS), "LOG_LEVEL": "ERROR"}
            # Where the archive is, `_patches` says.
            environment |= {"ARCHIVE_URL": "file:///archive", "HOT_WINDOW": "0"}
            environment |= {"TARGETS": "lambda:target-*", "PUSHES_QUEUE_URL": "https://queues/pushes.fifo"}
            stack.enter_context(mock.patch.dict(os.environ, environment))
            for target, name, value in self._patches():
                stack.enter_context(mock.patch.object(target, name, value))
            stack.enter_context(self._logging())
            forget()
            self._start()
            yield self
            forget()
            self._client.close()

    def _patches(self) -> list[tuple[Any, str, Any]]:
        self._client: Any = connect(self._url)
        client = Wired(self.wiring, self._client)
        dispatch_queue = DispatchQueue(self.wiring, self.wakeups, self.alarms, self.clocks, self.outage)
        deliveries = Deliveries(self.wiring, self.deliveries, self.outage, self._watch.message)
        pushes = Pushes(self.wiring, self.pushes, self.clocks, self.outage, self._watch.push)
        self.letters = Letters(self.wiring, self.outage, self._watch.letter)
        return [
            (root.Hub, "redis", client),
            (root.Hub, "dispatch_queue", dispatch_queue),
            (root.Hub, "deliveries", deliveries),
            (root.Hub, "pushes", pushes),
            (root.Hub, "letters", self.letters),
            (root.Hub, "archive_objects", Wired(self.wiring, MemoryObjects(clock=self.clocks))),
            # Threads of its own would make no run like another.
            (root.Hub, "_prompt_history", property(lambda process: process.history)),
            (archiver, "ArchiverLimits", partial(archiver.ArchiverLimits, **_ARCHIVING)),
            (archiver, "random", self._rng),
            (secrets, "randbits", self._rng.getrandbits),
            (root.Hub, "dispatcher", property(lambda _: self._current_worker())),
            (root.Hub, "deliverer", property(lambda _: self._deliverer)),
            (catch_up, "TurnLimits", partial(catch_up.TurnLimits, **_LIMITS)),
            (system_clock, "SystemClock", lambda: self.clocks),
            (log, "RedisLog", partial(_log, log.RedisLog, self.clocks)),
            (registry, "RedisRegistry", partial(registry.RedisRegistry, clock=self.clocks.cache)),
            (turns, "RedisTurns", partial(turns.RedisTurns, clock=self.clocks.cache)),
            (scripts.Script, "__init__", _scripts(self._changed)),
            *(
                (partitions.Partitions, name, _Unlocked(vars(partitions.Partitions)[name].func))
                for name in ("count", "_store")
            ),
            (secrets, "token_hex", self._token),
        ]

    def _token(self, size: int) -> str:
        return self._rng.randbytes(size).hex()

    @contextmanager
    def _logging(self) -> Iterator[None]:
        root = logging.getLogger()
        level = root.level
        root.addHandler(self._faults)
        # What it warns of is read here, and belongs on no terminal.
        dispatch, losses = logging.getLogger("eventstore.live.dispatch"), _Losses(self._watch.loss)
        dispatch.addHandler(losses)
        dispatch.setLevel(logging.WARNING)
        dispatch.propagate = False
        try:
            yield
        finally:
            dispatch.removeHandler(losses)
            dispatch.setLevel(logging.NOTSET)
            dispatch.propagate = True
            root.removeHandler(self._faults)
            root.setLevel(level)

    def _start(self) -> None:
        self._dispatcher: Dispatcher | None = None
        connections = Wired(self.wiring, self.gateway)
        dispatch_queue: Any = hub().dispatch_queue
        self._deliverer = Deliverer(connections, dispatch_queue, clock=self.clocks, jitter=lambda: 0.5, workers=1)
        self._deliverer._threads = _Inline()  # type: ignore[assignment] # it does what is asked of it here

    def _current_worker(self, process: root.Hub | None = None) -> Dispatcher:
        """The worker of this process, which reads the store's settings when it is first needed."""
        if self._dispatcher is None:
            self._dispatcher = _DISPATCHER(process or hub())
        return self._dispatcher

    def restart(self) -> None:
        """Other processes, which know nothing yet."""
        forget()
        self._start()

    # What clients ask for.

    def rest(
        self, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """The answer to a request, which is retried after a crash, like by a client."""
        url = f"/api/v1{path}"
        reply: Reply = self._asked(lambda: self._api.call(method, url, body=body, headers=headers))
        if reply.status >= 500 and reply.json.get("code") == "internal":
            raise Violation("no fault of the hub's own", f"{method} {path}: {self._faults.newest}")
        return reply

    def json(self, method: str, path: str, value: object | None = None, **headers: str) -> Reply:
        """As `rest`, with a body of JSON."""
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        if value is None:
            return self.rest(method, path, headers=given)
        body = json.dumps(value).encode()
        return self.rest(method, path, body=body, headers={"Content-Type": "application/json"} | given)

    def connect(self, connection: str, *, bare: bool, query: Mapping[str, Sequence[str]] | None = None) -> int:
        """The status of a handshake; a crash refuses it, like the gateway."""
        protocol = "cloudevents.json" if bare else "eventstore.v1"
        event = {
            "requestContext": {
                "eventType": "CONNECT",
                "connectionId": connection,
                "connectedAt": self.clocks.true,
                "requestTimeEpoch": self.clocks.true,
            },
            "multiValueHeaders": {"Sec-WebSocket-Protocol": [protocol]},
            "multiValueQueryStringParameters": dict(query or {}) or None,
        }
        answer = self._once(lambda: websocket(event, _Context()))  # type: ignore[arg-type]
        return 502 if answer is None else int(answer["statusCode"])

    def message(self, connection: str, message: dict[str, Any], *, again: bool = True) -> dict[str, Any]:
        """What a message is answered; `again`, if it may be sent again where a process ended in it.

        Returns:
            The answer; of code `lost` if there was none.
        """
        event = {
            "requestContext": {"eventType": "MESSAGE", "connectionId": connection, "routeKey": "$default"},
            "body": json.dumps(message),
        }

        def handle() -> dict[str, Any]:
            return websocket(event, _Context())  # type: ignore[arg-type]

        answer = self._asked(handle) if again else self._once(handle)
        if answer is None:
            return {"type": "error", "code": "lost"}
        message_answer: dict[str, Any] = json.loads(answer["body"])
        if message_answer.get("code") == "internal":
            raise Violation("no fault of the hub's own", f"{message}: {self._faults.newest}")
        return message_answer

    def disconnected(self, connection: str) -> bool:
        """Report a disconnect to the functions; return whether they handled it."""
        event = {"requestContext": {"eventType": "DISCONNECT", "connectionId": connection, "connectedAt": 0}}
        try:
            return self._once(lambda: websocket(event, _Context())) is not None  # type: ignore[arg-type]
        except Exception:  # noqa: BLE001 - Lambda would log it; nobody tries again
            return False

    # What the hub does by itself.

    def dispatch(self, messages: Sequence[Message], *, one_turn: bool = False) -> set[str] | None:
        """Call the dispatch function; return the ids of failed messages, or None if it crashed."""
        context = _Context(_ONE_TURN if one_turn else _MANY_TURNS)
        return self._batch(lambda: dispatch(_records(messages), context))  # type: ignore[arg-type]

    def dispatch_twice(self, messages: Sequence[Message], dying: Sequence[Process]) -> list[BaseException | None]:
        """Deliver the same messages to two concurrent workers.

        Each has a log and turns of its own, as in a process of its own. It is made within its job: a full
        store fails that process, and not the simulation.
        """
        this = hub()
        forget()
        workers = (lambda: self._current_worker(this), lambda: _DISPATCHER(hub()))

        def job(made: Callable[[], Dispatcher]) -> Callable[[], Any]:
            def serve() -> None:
                worker = made()
                for message in messages:
                    partition = json.loads(message.body)["partition"]
                    # As functions.dispatch does it; each process has a worker of its own.
                    if worker.serve(partition, until=self.clocks.true + 1):
                        hub().dispatch_queue.request_turns([partition])  # type: ignore[union-attr] # there is one

            return serve

        raised = self.wiring.run_together(
            [(dying_process, job(made)) for dying_process, made in zip(dying, workers, strict=True)]
        )
        self.killed += sum(isinstance(error, Killed) for error in raised)
        if any(isinstance(error, Killed) for error in raised):
            self.restart()
        for error in raised:
            if isinstance(error, Violation):
                raise error
        return raised

    def deliver(self, messages: Sequence[Message]) -> set[str] | None:
        """As `dispatch`, of deliveries."""
        return self._batch(lambda: deliver(_records(messages), _Context(_MANY_TURNS)))  # type: ignore[arg-type]

    def push(
        self,
        messages: Sequence[Message],
        call: Callable[[str, Sequence[dict[str, Any]], Sequence[int]], Answer],
        *,
        milliseconds: int,
    ) -> set[str] | None:
        """As `dispatch`, of pushes.

        Args:
            messages: The pushes.
            call: Calls a target, as in `_Targets`.
            milliseconds: The time for calls of targets.
        """
        dispatch_queue: Any = hub().dispatch_queue
        adapter = _Targets(self.wiring, call)
        pusher = Pusher(lambda _: adapter, hub().pushes, dispatch_queue, clock=self.clocks)
        pusher._threads = _Inline()  # type: ignore[assignment] # it does what is asked of it here
        until = self.clocks.true + milliseconds

        def push() -> set[str]:
            # Of a group of which one has to come again, all later ones come again too.
            failed: set[str] = set()
            stopped: set[str] = set()
            for message in messages:
                try:
                    if message.group not in stopped:
                        pusher.push(message.body, until=until)
                        continue
                except (NoTime, QueueUnavailable):
                    stopped.add(message.group)
                failed.add(message.id)
            return failed

        failed: set[str] | None = self._once(push)
        return failed

    def sweep(self) -> bool:
        """Sweep once; whether it came to its end."""
        sweeper = hub().sweeper
        try:
            return self._once(lambda: sweeper.sweep(until=self.clocks.true + 1)) is not None
        except QueueUnavailable:
            return False
        except EventstoreError as error:
            raise Violation("the sweep goes on", f"{error.code}: {error.detail}") from error

    def archive(self) -> Archived | None:
        """Archive, and let all that is archived leave memory; None if it crashed."""
        running: Any = hub().archiver
        try:
            archived: Archived | None = self._once(lambda: running.run(until=self.clocks.true + 1))
        except EventstoreError as error:
            raise Violation("the archiver goes on", f"{error.code}: {error.detail}") from error
        return archived

    def _batch(self, do: Callable[[], Mapping[str, Any]]) -> set[str] | None:
        answer = self._once(do)
        return None if answer is None else {one["itemIdentifier"] for one in answer["batchItemFailures"]}

    def _once(self, do: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it answers
        process, self.arm = self.arm or Process(), None
        try:
            return self.wiring.run(process, do)
        except Killed:
            self.killed += 1
            self.restart()
            return None

    def _asked(self, do: Callable[[], Any]) -> Any:  # noqa: ANN401 - as above
        answer = self._once(do)
        return self._once(do) if answer is None else answer

    # The world around it.

    def pass_time(self, milliseconds: int) -> None:
        """Let time pass, and expire the flags of pending wake-ups."""
        self.clocks.true += milliseconds
        if self.clocks.true - self._bells_since >= _BELL_EXPIRES:
            self._bells_since = self.clocks.true
            bells = [f"{{p{partition}}}:bell" for partition in range(PARTITIONS)]
            # Where nobody subscribes, the flag does not expire.
            expired = [bell for bell, value in zip(bells, self.raw.mget(bells), strict=True) if value == b"1"]
            if expired:
                self.raw.delete(*expired)

    def fill(self, *, full: bool) -> None:
        """Let the store take nothing new, or something again."""
        self.raw.config_set("maxmemory", "1" if full else "0")


def _records(messages: Sequence[Message]) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": message.id,
                "receiptHandle": message.id,
                "body": message.body,
                "attributes": {"MessageGroupId": message.group, "ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
            }
            for message in messages
        ]
    }


def _scripts(changed: Mapping[str, Callable[[str], str]]) -> Callable[..., None]:
    """Creates a `Script` whose wake-up flag does not expire by itself, and which a mutant may change."""
    made = scripts.Script.__init__

    def make(self: Any, name: str, *shared: str, step: Sequence[str] = ()) -> None:  # noqa: ANN401 - it stands for the method
        made(self, name, *shared, step=step)
        # The text of a script is also in that of another one, whose step it is.
        source = self._source.decode()
        for part in (name, *step[:1]):
            source = changed.get(part, str)(source)
        self._source = re.sub(r"'PX', \d+", "'PX', 1000000000", source).encode()
        self._digest = sha1(self._source, usedforsecurity=False).hexdigest()

    return make
