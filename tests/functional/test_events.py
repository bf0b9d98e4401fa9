"""The events of tests/events, each passed to its handler, as `sam local invoke` does."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.hub.hub import Hub
from eventstore.live.deliver import Deliverer
from eventstore.live.push import Pusher
from functions.authorizer import app as authorizer
from functions.hub import hub
from tests.examples import FakeClock
from tests.fakes.connections import FakeConnections
from tests.fakes.letters import FakeLetters
from tests.fakes.queues import FakeDeliveries, FakeDispatchQueue, FakePushes
from tests.fakes.targets import FakeTarget
from tests.fresh import forget
from tests.functional.rest.api import Context
from tests.invocations import EVENTS, INVOCATIONS, KEYS, Invocation, agrees

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_hosting.valkey import ValkeyServer

Answers = dict[str, Any]
_FUNCTIONS = Path(__file__).parents[2] / "functions"


@pytest.fixture(scope="module")
def answers(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """The answer to each event, sent one after the other to an initially empty store."""
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    keys.write_text(KEYS)
    dispatch_queue, deliveries = FakeDispatchQueue(), FakeDeliveries()
    with pytest.MonkeyPatch.context() as patch:
        variables = {"REDIS_URL": valkey.url, "PARTITIONS": "4", "API_KEYS_FILE": str(keys)}
        for name, value in {**variables, "ARCHIVE_URL": (keys.parent / "archive").as_uri()}.items():
            patch.setenv(name, value)
        forget()
        authorizer.credential_checker.cache_clear()
        deliverer = Deliverer(FakeConnections(), dispatch_queue, clock=FakeClock(), jitter=lambda: 0.0)
        for name, instead in {
            "dispatch_queue": dispatch_queue,
            "deliveries": deliveries,
            "deliverer": deliverer,
            "pusher": Pusher(lambda _: FakeTarget(timeout_ms=5_000), FakePushes(), dispatch_queue, clock=FakeClock()),
        }.items():
            patch.setattr(Hub, name, instead)
        patch.setattr(Hub, "letters", FakeLetters())
        client = hub().log._client  # type: ignore[attr-defined]
        client.flushall()
        answers_by_name = {}
        for invocation in INVOCATIONS:
            # Functions read AUTH at their start: the authorizer checks keys; the others rely on the gateway.
            patch.setenv("AUTH", "key" if invocation.function == "authorizer" else "iam")
            answers_by_name[invocation.name] = answer(invocation)
        yield answers_by_name
        client.close()
        authorizer.credential_checker.cache_clear()
    forget()


def answer(invocation: Invocation) -> Any:  # noqa: ANN401 - whatever Lambda would carry
    """The answer of Lambda."""
    handler = import_module(f"functions.{invocation.function}.app").handler
    try:
        return json.loads(json.dumps(handler(invocation.event, Context())))
    except Exception as error:  # noqa: BLE001 - answered like Lambda
        return {"errorMessage": str(error)}


@pytest.mark.parametrize("invocation", INVOCATIONS, ids=lambda invocation: invocation.name)
def test_a_function_answers_as_documented(answers: Answers, invocation: Invocation) -> None:
    assert agrees(answers[invocation.name], invocation.answer), answers[invocation.name]


def test_no_event_is_left_out() -> None:
    assert {invocation.path for invocation in INVOCATIONS} == set(EVENTS.rglob("*.json"))


def test_every_function_has_an_event() -> None:
    assert {invocation.function for invocation in INVOCATIONS} == {
        app.parent.name for app in _FUNCTIONS.glob("*/app.py")
    }
