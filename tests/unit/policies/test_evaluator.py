"""The evaluator follows the rules of IAM."""

from __future__ import annotations

import pytest

from tests.policies.evaluator import PolicyError, Statement, allows, document

QUEUE = "arn:aws:sqs:us-east-1:123456789012:Bells.fifo"
CONNECTION = "arn:aws:execute-api:us-east-1:123456789012:api/ws/POST/@connections/abc="


def statement(
    effect: str = "Allow", action: object = "sqs:SendMessage", resource: object = QUEUE, **more: object
) -> Statement:
    return Statement.read({"Effect": effect, "Action": action, "Resource": resource, **more}, source="p")


def may(*statements: Statement, action: str = "sqs:SendMessage", resource: str = QUEUE) -> bool:
    return allows(statements, action, resource)


def test_everything_is_denied_by_default() -> None:
    assert not may()


def test_a_named_action_on_a_named_resource_is_allowed() -> None:
    assert may(statement())


@pytest.mark.parametrize("action", ["sqs:ReceiveMessage", "sqs:SendMessageBatch", "sns:SendMessage"])
def test_another_action_is_not_allowed(action: str) -> None:
    assert not may(statement(), action=action)


@pytest.mark.parametrize("resource", [QUEUE + "x", QUEUE[:-1], QUEUE.replace("us-east-1", "eu-west-1"), QUEUE.lower()])
def test_another_resource_is_not_allowed(resource: str) -> None:
    assert not may(statement(), resource=resource)


def test_any_of_several_actions_and_resources_is_allowed() -> None:
    both = statement(action=["sqs:ReceiveMessage", "sqs:SendMessage"], resource=[CONNECTION, QUEUE])
    assert may(both)


def test_actions_are_compared_without_regard_to_case() -> None:
    assert may(statement(action="SQS:sendmessage"))


@pytest.mark.parametrize("action", ["*", "sqs:*", "sqs:Send*", "sqs:SendMessag?"])
def test_wildcards_in_actions_are_honoured(action: str) -> None:
    assert may(statement(action=action))


@pytest.mark.parametrize("action", ["sqs:Receive*", "sqs:SendMessage?", "sqs.SendMessage"])
def test_wildcards_in_actions_match_what_they_stand_for_and_no_more(action: str) -> None:
    assert not may(statement(action=action))


@pytest.mark.parametrize("resource", ["*", "arn:aws:sqs:*:*:Bells.fifo", "arn:aws:sqs:us-east-1:123456789012:Bell?.*"])
def test_wildcards_in_resources_are_honoured(resource: str) -> None:
    assert may(statement(resource=resource))


def test_a_wildcard_in_the_last_segment_spans_slashes() -> None:
    on = statement(action="execute-api:ManageConnections", resource=CONNECTION.replace("ws/POST", "*"))
    assert may(on, action="execute-api:ManageConnections", resource=CONNECTION)


def test_a_wildcard_does_not_span_segments() -> None:
    assert not may(statement(resource="arn:aws:sqs:*:x:y:Bells.fifo"))
    assert not may(statement(resource="arn:aws:s*:x:123456789012:Bells.fifo"))


def test_a_denial_wins_over_every_permission() -> None:
    assert not may(statement(), statement("Deny", action="sqs:*", resource="*"), statement())


def test_a_denial_of_something_else_changes_nothing() -> None:
    assert may(statement(), statement("Deny", resource=CONNECTION))


@pytest.mark.parametrize("element", ["Condition", "NotAction", "NotResource", "Principal"])
def test_an_element_that_is_not_understood_is_refused_by_name(element: str) -> None:
    with pytest.raises(PolicyError, match=f"p: {element} is not understood"):
        statement(**{element: {}})


@pytest.mark.parametrize("resource", ["${aws:username}", "Bells.fifo", "arn:aws:sqs:Bells.fifo", "", [], None, 7])
def test_a_resource_that_names_nothing_is_refused(resource: object) -> None:
    with pytest.raises(PolicyError, match="p: "):
        statement(resource=resource)


@pytest.mark.parametrize("effect", ["allow", "", None])
def test_an_effect_is_allow_or_deny(effect: str) -> None:
    with pytest.raises(PolicyError, match="must be Allow or Deny"):
        statement(effect)


def test_a_document_has_one_statement_or_a_list() -> None:
    single = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE}
    assert (
        document({"Statement": single}, source="p") == document({"Statement": [single]}, source="p") == (statement(),)
    )
