"""The events of tests/events, each handed to its function's handler: `sam local invoke` hands over the same."""

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
from tests.fresh import forget
from tests.functional.core.pushing import FakeTarget
from tests.functional.rest.api import Context
from tests.invocations import EVENTS, INVOCATIONS, KEYS, Invocation, agrees

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_dev.valkey import ValkeyServer

Answers = dict[str, Any]
_FUNCTIONS = Path(__file__).parents[2] / "functions"


@pytest.fixture(scope="module")
def answers(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """What each is answered, one after the other, on a store that is empty at first."""
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    keys.write_text(KEYS)
    bells, deliveries = FakeDispatchQueue(), FakeDeliveries()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"REDIS_URL": valkey.url, "PARTITIONS": "4", "API_KEYS_FILE": str(keys)}.items():
            patch.setenv(name, value)
        forget()
        authorizer._credential_checker.cache_clear()
        deliverer = Deliverer(FakeConnections(), bells, clock=FakeClock(), jitter=lambda: 0.0)
        pusher = Pusher(lambda _: FakeTarget(), FakePushes(), bells, clock=FakeClock())
        instead = {"dispatch_queue": bells, "deliveries": deliveries, "deliverer": deliverer, "pusher": pusher}
        for name, part in instead.items():
            patch.setattr(Hub, name, part)
        patch.setattr(Hub, "letters", FakeLetters())
        client = hub().log._client  # type: ignore[attr-defined]
        client.flushall()
        found = {}
        for one in INVOCATIONS:
            # Functions read it as they start: the authorizer's keys, and for the others that the gateway saw to it.
            patch.setenv("AUTH", "key" if one.function == "authorizer" else "iam")
            found[one.name] = answer(one)
        yield found
        client.close()
        authorizer._credential_checker.cache_clear()
    forget()


def answer(invocation: Invocation) -> Any:  # noqa: ANN401 - whatever Lambda would carry
    """What Lambda would answer."""
    handler = import_module(f"functions.{invocation.function}.app").handler
    try:
        return json.loads(json.dumps(handler(invocation.event, Context())))
    except Exception as error:  # noqa: BLE001 - told as Lambda tells it
        return {"errorMessage": str(error)}


@pytest.mark.parametrize("invocation", INVOCATIONS, ids=lambda one: one.name)
def test_its_function_answers_as_is_told(answers: Answers, invocation: Invocation) -> None:
    assert agrees(answers[invocation.name], invocation.answer), answers[invocation.name]


def test_no_event_is_left_out() -> None:
    assert {one.path for one in INVOCATIONS} == set(EVENTS.rglob("*.json"))


def test_every_function_has_an_event() -> None:
    assert {one.function for one in INVOCATIONS} == {app.parent.name for app in _FUNCTIONS.glob("*/app.py")}
