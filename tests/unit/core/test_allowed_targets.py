"""Which targets the setting `TARGETS` allows."""

from __future__ import annotations

import pytest

from eventstore.errors import SettingsError, TargetNotAllowed
from eventstore.hub.allowed_targets import AllowedTargets
from eventstore.hub.settings import Settings
from eventstore.subscriptions import Target

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:"
QUEUES = "https://sqs.eu-west-1.amazonaws.com/123456789012/"


@pytest.mark.parametrize(
    ("patterns", "kind", "address"),
    [
        ("*", "lambda", f"{ARN}billing"),
        ("*", "http", "https://hooks.example.com/"),
        ("lambda:*", "lambda", f"{ARN}billing:live"),
        ("lambda:flunq-*", "lambda", "flunq-billing:live"),
        ("lambda:billing", "lambda", "billing"),
        (f"lambda:{ARN}flunq-*", "lambda", f"{ARN}flunq-billing:live"),
        ("lambda:arn:aws:lambda:*:123456789012:function:flunq-*", "lambda", f"{ARN}flunq-billing"),
        (f"sqs:{QUEUES}flunq-*", "sqs", f"{QUEUES}flunq-billing.fifo"),
        (f"lambda:none, sqs:{QUEUES}*.fifo", "sqs", f"{QUEUES}billing.fifo"),
        ("http:*.example.com", "http", "https://a.b.example.com:8443/orders"),
        ("http:*.Example.com", "http", "https://HOOKS.example.COM"),
        ("http:hooks.example.com", "http", "https://hooks.example.com"),
        ("eventbridge:flunq-*", "eventbridge", "flunq-orders"),
    ],
)
def test_a_target_that_a_pattern_matches_is_allowed(patterns: str, kind: str, address: str) -> None:
    assert AllowedTargets.parse(patterns).allows(Target(kind, address))


@pytest.mark.parametrize(
    ("patterns", "kind", "address"),
    [
        ("", "lambda", "billing"),
        ("lambda:flunq-*", "lambda", "billing-flunq-1"),
        ("lambda:flunq-*", "lambda", f"{ARN}flunq-billing"),
        ("lambda:*", "sqs", f"{QUEUES}billing"),
        ("lambda:billing", "lambda", "billing:live"),
        ("lambda:billing", "lambda", "billin"),
        ("lambda:b.lling", "lambda", "billing"),
        ("lambda:arn:aws:lambda:*:function:billing", "lambda", f"{ARN}billing"),
        (f"lambda:{ARN}flunq-*", "lambda", "arn:aws:lambda:eu-west-1:210987654321:function:flunq-billing"),
        ("sqs:https://*/123456789012/flunq", "sqs", "https://evil.example/x/123456789012/flunq"),
        ("http:*.example.com", "http", "https://example.com/"),
        ("http:*.example.com", "http", "https://hooks.example.com.evil.example/"),
        ("http:*.example.com", "http", "https://evil.example/.example.com"),
        ("http:hooks.example.com", "http", "https://evil.example/?hooks.example.com"),
        ("eventbridge:flunq-*", "eventbridge", "default"),
    ],
)
def test_any_other_is_not(patterns: str, kind: str, address: str) -> None:
    assert not AllowedTargets.parse(patterns).allows(Target(kind, address))


@pytest.mark.parametrize("value", ["flunq-*", "kafka:topic", "lambda:", "lambda:a,b", "https://hooks.example.com"])
def test_what_is_no_pattern_is_named(value: str) -> None:
    with pytest.raises(SettingsError, match="TARGETS has"):
        Settings.from_environment({"TARGETS": value})


def test_without_the_setting_and_without_a_queue_of_pushes_there_are_no_targets() -> None:
    target = Target("lambda", "billing")
    queue = {"PUSHES_QUEUE_URL": "http://q/pushes.fifo"}
    Settings.from_environment({"TARGETS": "*", **queue}).require_target(target)
    with pytest.raises(TargetNotAllowed, match="parameter Target"):
        Settings.from_environment(queue).require_target(target)
    with pytest.raises(TargetNotAllowed, match="PUSHES_QUEUE_URL"):
        Settings.from_environment({"TARGETS": "*"}).require_target(target)
