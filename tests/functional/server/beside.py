"""A serverless hub and instances of the server on one store: the queues of the one in memory, the clients of both."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eventstore.access import FULL
from eventstore.errors import EventstoreError
from eventstore.frames.frame import Delivery, postings
from eventstore.hub.hub import Hub
from eventstore.hub.settings import Settings
from eventstore.subscriptions import EVENTSTORE, Connection, ConnectionId, SubscriptionId
from eventstore_server.options import read_options
from eventstore_server.proxy_events import CallContext
from eventstore_server.service import Service
from functions import hub as functions_hub
from functions.dispatch import app as dispatch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from eventstore.frames.frame import Address, Part
    from eventstore.streams import DurableName

__all__ = ["OWN_ID", "Answers", "Client", "Functions", "Instance", "Queues"]

OWN_ID = SubscriptionId("w")
_WITHIN = 30.0
_CALL_SECONDS = 6.0


def environment(redis_url: str) -> dict[str, str]:
    names = ("BELLS", "DELIVERIES", "DEAD_LETTERS", "ALARMS")
    return {"REDIS_URL": redis_url, **{f"{name}_QUEUE_URL": name for name in names}}


class Queues:
    """See `JsonCalls`: SQS, in memory. Each message is received once, in order.

    Attributes:
        sent: The messages that were sent to each queue.
    """

    def __init__(self) -> None:
        self.sent: dict[str, list[str]] = defaultdict(list)
        self._queues: dict[str, queue.Queue[str | None]] = defaultdict(queue.Queue)
        self._timers: list[threading.Timer] = []

    def call(self, operation: str, *, seconds: float | None = None, **members: Any) -> Mapping[str, Any]:  # noqa: ANN401, ARG002 - as of every operation
        for message in members["Entries"] if operation == "SendMessageBatch" else [members]:
            self._send(members["QueueUrl"], message["MessageBody"], message.get("DelaySeconds", 0))
        return {}

    def _send(self, url: str, body: str, delay: float) -> None:
        self.sent[url].append(body)
        if not delay:
            self._queues[url].put(body)
            return
        timer = threading.Timer(delay, self._queues["BELLS" if url == "ALARMS" else url].put, [body])
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def receive(self, url: str) -> str | None:
        return self._queues[url].get()

    def close(self) -> None:
        """Close a client of the queues, of which each hub has one. What it has sent stays, as in SQS."""

    def end(self) -> None:
        """Let those that receive end."""
        for timer in self._timers:
            timer.cancel()
        for url in ("BELLS", "DELIVERIES"):
            self._queues[url].put(None)


@dataclass
class Client:
    """A member of a durable subscription, or a subscriber: it acknowledges, and releases what is revoked.

    Attributes:
        hub: The hub that it talks to.
        connection: Its connection.
        received: The stream and the sequence of each event that it received, in order.
        changed: Notified with each message.
    """

    hub: Hub
    connection: Connection
    changed: threading.Condition
    received: list[tuple[str, int]] = field(default_factory=list)
    messages: list[Mapping[str, Any]] = field(default_factory=list)

    def receive(self, text: str) -> None:
        message = json.loads(text)
        with self.changed:
            self.messages.append(message)
            self.received += [(event["hubstream"], int(event["hubsequence"])) for event in message.get("events", ())]
            self.changed.notify_all()

    def answer(self, text: str) -> None:
        """Acknowledge a message, or release a partition. A connection that has ended answers nothing."""
        message, members = json.loads(text), self.hub.members
        try:
            if message["type"] == "events" and message.get("cursor"):
                members.acknowledge(self.connection.id, OWN_ID, [message["cursor"]], access=FULL)
            if message["type"] == "revoked":
                members.release(self.connection.id, OWN_ID, message["partition"], access=FULL, frame=message["frame"])
        except EventstoreError:
            # As the hub answers a client: it goes on.
            return


class Answers:
    """Answers messages for clients, one after the other, in a thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._lock = threading.Lock()
        self._closed = False
        self._errors: list[BaseException] = []

    def submit(self, client: Client, text: str) -> None:
        """Have a client answer a message soon; once closed, never."""
        with self._lock:
            if not self._closed:
                self._thread.submit(client.answer, text).add_done_callback(self._ended)

    def close(self) -> None:
        """Wait for the answers that were submitted."""
        with self._lock:
            self._closed = True
        self._thread.shutdown()

    def require_success(self) -> None:
        """Raise the first error of an answer, so that the test fails."""
        if self._errors:
            raise self._errors[0]

    def _ended(self, answer: Future[None]) -> None:
        if (error := answer.exception()) is not None:
            self._errors.append(error)


class Functions:
    """The serverless hub: its functions `dispatch` and `deliver` run in threads.

    Args:
        redis_url: The store.
        queues: Its queues.
    """

    def __init__(self, redis_url: str, queues: Queues) -> None:
        self.queues = queues
        self.changed = threading.Condition()
        self.hub = Hub(Settings.from_environment(environment(redis_url)))
        calls: Any = queues
        self.hub.sqs = calls
        self.clients: dict[ConnectionId, Client] = {}
        self._answers = Answers()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._dispatch, self._deliver)]

    def run(self) -> None:
        # The functions of this process, and not those of an instance that has started.
        functions_hub.provide(self.hub)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.queues.end()
        for thread in self._threads:
            thread.join(_WITHIN)
        self._answers.close()
        self.hub.close()
        # Later tests build the hub of their process anew.
        functions_hub._PROVIDED.clear()
        functions_hub.hub.cache_clear()
        self._answers.require_success()

    def connect(self, name: str) -> Client:
        """Connect a client to API Gateway."""
        connection = Connection(ConnectionId(name), EVENTSTORE, self.hub.clock.now())
        self.hub.subscriptions.connect(connection, access=FULL)
        client = self.clients[connection.id] = Client(self.hub, connection, self.changed)
        return client

    def join(self, name: str, durable: DurableName) -> Client:
        """Connect a member to API Gateway."""
        client = self.connect(name)
        self.hub.members.join(client.connection.id, OWN_ID, durable, access=FULL)
        return client

    def wait_until(self, condition: Callable[[], bool], *, every: float = _WITHIN) -> None:
        """Wait for what messages to clients bring about, or else what is looked at every so many seconds."""
        end = time.monotonic() + _WITHIN
        with self.changed:
            while not self.changed.wait_for(condition, min(every, _WITHIN)):
                assert time.monotonic() < end

    def _dispatch(self) -> None:
        while (body := self.queues.receive("BELLS")) is not None:
            record = {"messageId": "1", "body": body, "attributes": {"MessageGroupId": "g"}, "eventSource": "aws:sqs"}
            functions_hub.provide(self.hub)
            context: Any = CallContext("1", time.monotonic() + _CALL_SECONDS, time.monotonic)
            answer = dispatch.handler({"Records": [record]}, context)
            assert not answer["batchItemFailures"], body

    def _deliver(self) -> None:
        while (body := self.queues.receive("DELIVERIES")) is not None:
            for posting in postings(body):
                if (client := self.clients.get(posting.connection)) is not None:
                    client.receive(posting.message)
                    self._answers.submit(client, posting.message)


class _Session:
    """See `Session`: a client of an instance."""

    is_congested = False
    door = "websocket"
    sent_bytes = 0
    waiting_bytes = 0

    def __init__(self, client: Client, answers: Answers) -> None:
        self.connection = client.connection
        self._client = client
        self._answers = answers
        self.closed = ""

    def deliver(self, part: Part, to: Address) -> None:
        for posting in postings(Delivery(0, (part.to_some([to]),)).encoded()):
            if posting.closes:
                self.close("closed", "")
            self._client.receive(posting.message)
            self._answers.submit(self._client, posting.message)

    def close(self, code: str, detail: str) -> None:  # noqa: ARG002 - nobody reads it
        self.closed = code


class Instance:
    """An instance of the server in this process, with an event loop in a thread.

    Args:
        functions: The serverless hub beside it.
        redis_url: The store.
        dispatch: `DISPATCH`.
    """

    def __init__(self, functions: Functions, redis_url: str, *, dispatch: str) -> None:
        variables = {**environment(redis_url), "HOST": "127.0.0.1", "PORT": "0", "GRPC_PORT": "0", "AUTH": "none"}
        self._functions = functions
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._answers = Answers()
        self._options = read_options([], {**variables, "DISPATCH": dispatch})
        self.sessions: list[_Session] = []

    def start(self) -> None:
        self._thread.start()

        async def create() -> Service:
            service = Service(self._options)
            calls: Any = self._functions.queues
            service.hub.sqs = calls
            await service.start()
            return service

        self.service = self._run(create())
        functions_hub.provide(self._functions.hub)

    def stop(self) -> None:
        for session in self.sessions:
            self.service.sessions.remove(session.connection.id)
            self.service.hub.members.disconnect(session.connection.id)
        # First: an answer needs the hub, which the instance closes.
        self._answers.close()
        self._run(self.service.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WITHIN)
        self._loop.close()
        self._answers.require_success()

    @property
    def hub(self) -> Hub:
        return self.service.hub

    def connect(self) -> Client:
        """Connect a client to this instance."""
        connection = Connection(self.service.sessions.new_id(), EVENTSTORE, self.hub.clock.now())
        client = Client(self.hub, connection, self._functions.changed)
        session = _Session(client, self._answers)
        self.sessions.append(session)
        self.service.sessions.add(session)
        self.hub.subscriptions.connect(connection, access=FULL)
        return client

    def join(self, durable: DurableName) -> Client:
        """Connect a member to this instance."""
        client = self.connect()
        self.hub.members.join(client.connection.id, OWN_ID, durable, access=FULL)
        return client

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever it returns
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_WITHIN)
