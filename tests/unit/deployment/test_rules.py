"""What rules need, which is there only if a parameter says what they may push to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eventstore.hub.allowed_targets import AllowedTargets
from eventstore.subscriptions import Target
from eventstore_dev.cloudformation import Document
from tests.unit.deployment.templates import OWN, ROOT

OF_RULES = {"PushFunction", "PushLogs", "PushRole", "PushesDeadLetters", "PushesQueue"}
ACCOUNT = "us-east-1:123456789012"
QUEUES = "https://sqs.us-east-1.amazonaws.com/123456789012"
STATEMENTS = {
    "TargetFunctions": ("lambda:InvokeFunction", f"arn:aws:lambda:{ACCOUNT}:function:workflow-*"),
    "TargetQueues": ("sqs:SendMessage", f"arn:aws:sqs:{ACCOUNT}:workflow-*"),
    "TargetBuses": ("events:PutEvents", f"arn:aws:events:{ACCOUNT}:event-bus/workflow-*"),
}


def deployed(**parameters: str) -> Document:
    return Document(OWN, path=ROOT / "template.yaml", parameters={"RedisUrl": "redis://cache.example", **parameters})


def targets(**parameters: str) -> AllowedTargets:
    """What rules may push to, by the variable of the functions."""
    variable = OWN["Globals"]["Function"]["Environment"]["Variables"]["TARGETS"]
    return AllowedTargets.parse(deployed(**parameters).resolve(variable, at="TARGETS"))


def granted(**parameters: str) -> list[dict[str, Any]]:
    """What the role of push may do with targets."""
    document = deployed(**parameters)
    role = document.resolve(document.resources["PushRole"].properties, at="PushRole")
    statements: list[dict[str, Any]] = role["Policies"][0]["PolicyDocument"]["Statement"]
    return statements[3:]


def test_a_hub_without_rules_has_nothing_for_them() -> None:
    document = deployed()
    assert not OF_RULES & document.resources.keys()
    assert targets() == AllowedTargets()
    for function in ("RestFunction", "DispatchFunction"):
        variables = document.resources[function].properties["Environment"]["Variables"]
        assert document.resolve(variables["PUSHES_QUEUE_URL"], at=function) == ""
    assert "Pushes" not in json.dumps(document.resolve(document.resources["QueuesPolicy"].properties["Queues"], at=""))


@pytest.mark.parametrize("parameter", ["TargetFunctions", "TargetQueues", "TargetBuses"])
def test_each_parameter_brings_rules_and_its_own_permission_alone(parameter: str) -> None:
    given = {parameter: "workflow-*"}
    assert deployed(**given).resources.keys() >= OF_RULES
    [statement] = granted(**given)
    action, resource = STATEMENTS[parameter]
    named = statement["Resource"]
    assert (statement["Action"], named if isinstance(named, str) else named[0]) == (action, resource)


def test_urls_need_no_permission_but_that_of_the_secrets_that_sign() -> None:
    assert deployed(TargetUrls="hooks.example.com").resources.keys() >= OF_RULES
    assert granted(TargetUrls="hooks.example.com") == []
    [statement] = granted(TargetUrls="hooks.example.com", TargetSecrets="hooks/*")
    assert statement["Action"] == "secretsmanager:GetSecretValue"
    assert statement["Resource"] == f"arn:aws:secretsmanager:{ACCOUNT}:secret:hooks/*-??????"
    assert not OF_RULES & deployed(TargetSecrets="hooks/*").resources.keys()


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        (("lambda", "workflow-step"), True),
        (("lambda", "workflow-step:live"), True),
        (("lambda", f"arn:aws:lambda:{ACCOUNT}:function:workflow-step:7"), True),
        (("lambda", "arn:aws:lambda:us-east-1:999999999999:function:workflow-step"), False),
        (("lambda", "other"), False),
        (("sqs", f"{QUEUES}/workflow-steps.fifo"), True),
        (("sqs", "https://sqs.us-east-1.amazonaws.com/999999999999/workflow-steps.fifo"), False),
        (("eventbridge", "workflow-bus"), True),
        (("eventbridge", f"arn:aws:events:{ACCOUNT}:event-bus/workflow-bus"), True),
        (("eventbridge", "default"), False),
        (("http", "https://hooks.example.com/x"), True),
        (("http", "https://a.example.org/x"), True),
        (("http", "https://example.org/x"), False),
    ],
)
def test_what_rules_may_name_follows_from_the_parameters(target: tuple[str, str], allowed: bool) -> None:  # noqa: FBT001 - a case
    names = dict.fromkeys(("TargetFunctions", "TargetQueues", "TargetBuses"), "workflow-*")
    assert targets(**names, TargetUrls="hooks.example.com,*.example.org").allows(Target(*target)) is allowed


def test_one_function_may_be_called_by_each_of_its_aliases() -> None:
    found = targets(TargetFunctions="step")
    assert [found.allows(Target("lambda", name)) for name in ("step", "step:live", "steps")] == [True, True, False]
    [statement] = granted(TargetFunctions="step")
    function = f"arn:aws:lambda:{ACCOUNT}:function:step"
    assert statement["Resource"] == [function, f"{function}:*"]


def test_dispatch_reaches_the_queue_of_pushes_from_within_the_network() -> None:
    network = OWN["Resources"]["Network"]["Properties"]["Parameters"]["QueueArns"]
    assert {"Fn::If": ["Pushes", {"Fn::GetAtt": "PushesQueue.Arn"}, {"Ref": "AWS::NoValue"}]} in network["Fn::Join"][1]


def test_a_call_of_the_longest_time_fits_into_a_call_of_push_and_that_into_its_queue() -> None:
    function, queue = OWN["Resources"]["PushFunction"]["Properties"], OWN["Resources"]["PushesQueue"]["Properties"]
    longest, reserved = 100, 15
    assert longest + reserved < function["Timeout"] <= queue["VisibilityTimeout"]
