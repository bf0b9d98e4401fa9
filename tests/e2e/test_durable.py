"""A durable subscription on the whole hub, from its creation to the redrive of parked events."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client import NotFound
from tests.e2e.live import SECONDS, Client, event, publish

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_client import Recorded
    from tests.e2e.hubs import Hub


class Rest:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def call(self, method: str, path: str, **members: object) -> tuple[int, Any]:
        body = json.dumps(members).encode() if members else None
        headers = {"Content-Type": "application/json"} if members else {}
        reply = self._hub.call(method, f"/api/v1/{path}", body=body, headers=headers)
        return reply.status, reply.json() if reply.data else None

    def until(self, path: str, done: Callable[[Any], object]) -> Any:  # noqa: ANN401 - JSON is anything
        """Wait until the answer satisfies a condition; return it."""
        deadline = time.monotonic() + SECONDS
        while not done(body := self.call("GET", path)[1]):
            assert time.monotonic() < deadline, body
            time.sleep(0.05)
        return body


@pytest.fixture
def rest(hub: Hub) -> Rest:
    return Rest(hub)


def letters(hub: Hub) -> int:
    """The number of messages in the dead letter queue."""
    return hub.waiting("DeadLettersQueue")


def test_a_member_ends_when_its_subscription_is_deleted(hub: Hub, rest: Rest) -> None:
    assert rest.call("POST", "subscriptions", id="short-lived", stream="wf-1")[0] == 201
    failures: list[NotFound] = []

    def work() -> None:
        try:
            worker.run(lambda _: None)
        except NotFound as error:
            failures.append(error)

    with hub.client() as store, store.work("short-lived") as worker:
        thread = threading.Thread(target=work)
        thread.start()
        rest.until(
            "subscriptions/short-lived", lambda body: all(partition["owner"] for partition in body["partitions"])
        )
        assert rest.call("DELETE", "subscriptions/short-lived")[0] == 204
        thread.join(SECONDS)
    assert [error.detail for error in failures] == ["the durable subscription 'short-lived' was deleted"]


def sent(client: Client) -> list[tuple[str, str]]:
    """Stream and sequence of the next received events."""
    while True:
        message = client.receive()
        if message["type"] == "events":
            return [(event["hubstream"], event["hubsequence"]) for event in message["events"]]


def test_failed_events_are_parked_listed_and_redriven(hub: Hub, client: Client, rest: Rest) -> None:
    before = letters(hub)
    assert rest.call("POST", "subscriptions", id="workers", stream=["bad", "kept"])[0] == 201
    client.send({"action": "subscribe", "id": "w", "subscription": "workers"})
    rest.until("subscriptions/workers", lambda body: all(partition["owner"] for partition in body["partitions"]))
    for stream in ("bad", "kept"):
        publish(hub, *(event(f"{stream}-{number}", stream=stream) for number in (1, 2)))
        assert sent(client)[0] == (stream, "1")
        client.send({"action": "nack", "id": "w", "stream": stream, "sequence": 1, "reason": "no", "park": True})
    rest.until("stats", lambda body: body["subscriptions"][0]["parked"] == 2)
    rest.until("dead-letters", lambda body: [letter["letters"] for letter in body["dead_letters"]] == [2, 2])
    [parked] = rest.call("GET", "dead-letters?subscription=workers&stream=bad")[1]["dead_letters"]
    assert (parked["errors"], parked["event"]["id"]) == (["no"], "bad-1")
    assert not hub.copies_letters or letters(hub) == before + 4

    assert rest.call("POST", "dead-letters/redrive", subscription="workers", stream="bad")[0] == 202
    assert sent(client)[0] == ("bad", "1")
    assert not hub.copies_letters or letters(hub) == before + 2
    assert rest.call("DELETE", "subscriptions/workers")[0] == 204
    assert letters(hub) == before


def test_a_handler_that_outlasts_the_deadline_parks_nothing_and_handles_no_event_twice(hub: Hub, rest: Rest) -> None:
    streams = [f"slow-{number}" for number in range(8)]
    rules = {"ack_deadline": 1, "max_attempts": 2}
    assert rest.call("POST", "subscriptions", id="slow", stream=streams, **rules)[0] == 201
    for stream in streams:
        publish(hub, *(event(f"{stream}-{number}", stream=stream) for number in (1, 2, 3)))
    handled: list[tuple[str, int]] = []
    blocked, go = threading.Event(), threading.Event()

    def handle(recorded: Recorded) -> None:
        handled.append((recorded.stream, recorded.sequence))
        if len(handled) == 1:
            blocked.set()
            go.wait(SECONDS)

    with hub.client() as store, store.work("slow") as worker:
        thread = threading.Thread(target=worker.run, args=[handle])
        thread.start()
        assert blocked.wait(SECONDS)
        # Its stream is held, so the event is sent again while the first attempt still runs.
        rest.until("subscriptions/slow", lambda body: body["held"] == 1)
        go.set()
        rest.until("subscriptions/slow", lambda body: not body["lag"] + body["in_flight"] + body["held"])
        worker.close()
        thread.join(SECONDS)
    assert rest.call("GET", "subscriptions/slow")[1]["parked"] == 0
    assert sorted(handled) == [(stream, number) for stream in streams for number in (1, 2, 3)]
