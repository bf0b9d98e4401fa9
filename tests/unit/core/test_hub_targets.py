"""The targets that a deployment lets rules have, and what calls them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.aws.environment import AwsEnvironment
from eventstore.adapters.aws.lambda_target import LambdaTarget
from eventstore.adapters.http.target import HttpTarget
from eventstore.errors import InvalidTarget, SettingsError, TargetNotAllowed
from eventstore.frames.pushes import Push, PushedEvent
from eventstore.hub.allowed_targets import AllowedTargets
from eventstore.hub.hub import Hub
from eventstore.hub.settings import Settings
from eventstore.hub.targets import ConfinedTarget, DeferredSecrets, TargetAdapters, require_target
from eventstore.ports import SecretUnavailable, TargetUnavailable
from eventstore.streams import DurableName
from eventstore.subscriptions import SubscriptionKey, Target
from tests.examples import FakeClock
from tests.fakes.targets import FakeTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.ports import Secrets

QUEUE = {"PUSHES_QUEUE_URL": "https://q/pushes.fifo"}


def settings(**environment: str) -> Settings:
    return Settings.from_environment(environment)


def http(url: str, *headers: tuple[str, str]) -> Target:
    return Target("http", url, mode="structured", headers=headers)


@pytest.mark.parametrize(
    ("kind", "parameter"),
    [
        ("lambda", "TargetFunctions"),
        ("sqs", "TargetQueues"),
        ("http", "TargetUrls"),
        ("eventbridge", "TargetBuses"),
    ],
)
@pytest.mark.parametrize("environment", [{}, QUEUE], ids=["no queue", "no pattern"])
def test_the_refusal_of_a_target_names_the_parameter_that_allows_it(
    kind: str, parameter: str, environment: Mapping[str, str]
) -> None:
    with pytest.raises(TargetNotAllowed, match=parameter):
        require_target(settings(**environment), Target(kind, "https://a.example/x"))


@pytest.mark.parametrize("url", ["https://10.0.0.7/x", "http://example.com/x", "http://127.0.0.1:8000/x"])
def test_a_url_that_the_hub_would_not_call_is_no_target(url: str) -> None:
    with pytest.raises(InvalidTarget) as raised:
        require_target(settings(**QUEUE, TARGETS="*"), http(url))
    assert raised.value.pointer == "/target/http"


def test_a_header_that_the_hub_sets_itself_is_refused() -> None:
    with pytest.raises(InvalidTarget) as raised:
        require_target(settings(**QUEUE, TARGETS="*"), http("https://example.com/x", ("Host", "other")))
    assert raised.value.pointer == "/target/headers"


def test_a_development_stack_calls_the_machine_that_it_runs_on() -> None:
    require_target(settings(**QUEUE, TARGETS="*", LOOPBACK_TARGETS="true"), http("http://127.0.0.1:8000/x"))
    with pytest.raises(SettingsError, match="LOOPBACK_TARGETS"):
        settings(LOOPBACK_TARGETS="perhaps")


def test_a_rule_of_a_deployment_that_pushes_no_more_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    push = Push(DurableName("billing"), SubscriptionKey("k"), 0, 1, "", Target("lambda", "f"), 30_000, [])
    Hub(settings()).pushes.send([push])
    assert "rule billing waits" in caplog.text


def test_each_kind_has_an_adapter_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    adapters = TargetAdapters(settings(TARGETS="*"), aws=AwsEnvironment, clock=FakeClock())
    called = {kind: adapters.of(kind) for kind in ("lambda", "sqs", "eventbridge", "http")}
    assert isinstance(called["lambda"]._adapter, LambdaTarget)  # type: ignore[attr-defined]
    assert isinstance(called["http"]._adapter, HttpTarget)  # type: ignore[attr-defined]
    assert called["sqs"]._adapter is adapters.of("sqs")._adapter  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="not known"):
        adapters.of("pigeon")


@pytest.mark.parametrize("kind", ["lambda", "sqs", "eventbridge"])
def test_a_target_whose_libraries_are_not_installed_says_so_for_each_push(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setitem(sys.modules, "eventstore.adapters.aws.calls", None)
    adapter = TargetAdapters(settings(TARGETS="*"), aws=AwsEnvironment, clock=FakeClock()).of(kind)
    with pytest.raises(TargetUnavailable, match="not installed"):
        adapter.push(Target(kind, "x"), [], attempt=1, timeout_ms=1000)


def test_urls_without_a_secret_need_no_libraries_of_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "eventstore.adapters.aws.calls", None)
    adapter = TargetAdapters(settings(TARGETS="*"), aws=AwsEnvironment, clock=FakeClock()).of("http")
    assert isinstance(adapter._adapter, HttpTarget)  # type: ignore[attr-defined]


def test_a_secret_that_no_installed_library_reads_is_unavailable() -> None:
    def read() -> Secrets:
        raise ModuleNotFoundError("No module named 'botocore'", name="botocore")

    with pytest.raises(SecretUnavailable, match="botocore, which is not installed"):
        DeferredSecrets(read).get("billing")


def test_a_rule_that_an_operator_has_ruled_out_since_is_called_no_more() -> None:
    calls = FakeTarget()
    target = ConfinedTarget(calls, AllowedTargets.parse("lambda:billing-*"))
    event = PushedEvent("wf", 1, "{}")
    target.push(Target("lambda", "billing-live"), [event], attempt=1, timeout_ms=30_000)
    with pytest.raises(TargetUnavailable, match="TARGETS"):
        target.push(Target("lambda", "shipping"), [event], attempt=1, timeout_ms=30_000)
    assert calls.handled == [("wf", 1)]


def test_a_topic_that_no_setting_names_any_more_is_unavailable() -> None:
    adapter = TargetAdapters(settings(TARGETS="*"), aws=AwsEnvironment, clock=FakeClock()).of("kafka")
    with pytest.raises(TargetUnavailable, match="KAFKA_EVENTS_TOPIC names no topic any more"):
        adapter.push(Target("kafka", "orders"), [], attempt=1, timeout_ms=1000)


def test_the_topic_that_the_setting_names_is_a_target_whatever_others_are_allowed() -> None:
    topic = settings(BACKEND="kafka", KAFKA_EVENTS_TOPIC="orders", KAFKA_BROKERS="127.0.0.1:9")
    adapters = TargetAdapters(topic, aws=AwsEnvironment, clock=FakeClock())
    assert adapters.of("kafka") is adapters.events_topic is not None
    adapters.close()


def test_the_topic_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "eventstore.adapters.kafka.events_topic", None)
    topic = settings(BACKEND="kafka", KAFKA_EVENTS_TOPIC="orders")
    with pytest.raises(SettingsError, match="needs the package confluent-kafka"):
        TargetAdapters(topic, aws=AwsEnvironment, clock=FakeClock()).of("kafka")
