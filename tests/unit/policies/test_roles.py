"""What is read of a template: each function's statements, and what Lambda and the cache require of its role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.policies.deployed import Deployed, deployed, sam_python
from tests.policies.evaluator import PolicyError
from tests.policies.findings import missing
from tests.policies.roles import Role, roles

_SEND = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["Bells", "Arn"]}}
_BELLS = "arn:aws:sqs:us-east-1:123456789012:Bells"


def resource(kind: str, **properties: object) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def function(**properties: object) -> dict[str, Any]:
    return resource("AWS::Lambda::Function", Role={"Fn::GetAtt": ["FRole", "Arn"]}, **properties)


def policy(*statements: object, **more: object) -> dict[str, Any]:
    return {"PolicyName": "own", "PolicyDocument": {"Statement": list(statements)}, **more}


def role_of(f: dict[str, Any] | None = None, role: dict[str, Any] | None = None, **others: object) -> Role:
    """The role of the single function of a template."""
    resources = {
        "Bells": resource("AWS::SQS::Queue"),
        "F": f or function(),
        "FRole": role or resource("AWS::IAM::Role"),
        **others,
    }
    tree = {"Resources": resources, "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}}}
    [parsed] = roles(Deployed(tree, path=Path("t.yaml"), parameters={}))
    return parsed


def allowed(role: Role) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [(statement.actions, statement.resources) for statement in role.statements]


def needed(role: Role) -> set[tuple[str, str]]:
    return {(need.action, need.resource) for need in role.needs if not need.action.startswith("logs:")}


def test_inline_policies_are_read_with_resolved_resources() -> None:
    own = resource("AWS::IAM::Role", Policies=[policy(_SEND)])
    assert allowed(role_of(role=own)) == [(("sqs:SendMessage",), (_BELLS,))]


def test_a_statement_with_a_false_condition_is_absent() -> None:
    by_condition = {"Fn::If": ["Never", _SEND, {"Ref": "AWS::NoValue"}]}
    assert allowed(role_of(role=resource("AWS::IAM::Role", Policies=[policy(by_condition)]))) == []


def test_managed_policies_of_the_template_are_read() -> None:
    shared = resource("AWS::IAM::ManagedPolicy", PolicyDocument={"Statement": _SEND})
    attached = resource("AWS::IAM::Role", ManagedPolicyArns=[{"Ref": "Shared"}])
    assert allowed(role_of(role=attached, Shared=shared)) == [(("sqs:SendMessage",), (_BELLS,))]


def test_policies_that_name_the_role_are_read() -> None:
    other = resource("AWS::IAM::Policy", Roles=[{"Ref": "FRole"}], **policy(_SEND))
    assert allowed(role_of(Other=other)) == [(("sqs:SendMessage",), (_BELLS,))]


def test_managed_policies_of_aws_are_read_as_aws_has_them() -> None:
    name = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"
    [(actions, resources)] = allowed(role_of(role=resource("AWS::IAM::Role", ManagedPolicyArns=[name])))
    assert ("sqs:ReceiveMessage" in actions, resources) == (True, ("*",))


def test_an_unknown_managed_policy_is_refused() -> None:
    with pytest.raises(PolicyError, match="arn:aws:iam::aws:policy/Nothing is no managed policy"):
        role_of(role=resource("AWS::IAM::Role", ManagedPolicyArns=["arn:aws:iam::aws:policy/Nothing"]))


def test_a_role_from_elsewhere_is_refused() -> None:
    with pytest.raises(PolicyError, match="F: its role arn:aws:iam::1:role/x is none of the template's"):
        role_of(resource("AWS::Lambda::Function", Role="arn:aws:iam::1:role/x"))


@pytest.mark.parametrize("by", [{"Ref": "F"}, {"Ref": "Live"}, {"Fn::GetAtt": ["F", "Arn"]}])
def test_a_polled_queue_is_a_need(by: dict[str, Any]) -> None:
    mapping = resource(
        "AWS::Lambda::EventSourceMapping", FunctionName=by, EventSourceArn={"Fn::GetAtt": ["Bells", "Arn"]}
    )
    alias = resource("AWS::Lambda::Alias", FunctionName={"Ref": "F"})
    actions = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
    assert needed(role_of(Mapping=mapping, Live=alias)) == {(action, _BELLS) for action in actions}


def test_a_function_in_a_vpc_needs_interfaces() -> None:
    needs = needed(role_of(function(VpcConfig={"SubnetIds": ["subnet-1"]})))
    assert ("ec2:CreateNetworkInterface", "*") in needs


def test_a_function_that_is_in_no_vpc_needs_none() -> None:
    assert (
        needed(role_of(function(VpcConfig={"Fn::If": ["Never", {"SubnetIds": []}, {"Ref": "AWS::NoValue"}]}))) == set()
    )


def test_a_traced_function_sends_traces() -> None:
    assert ("xray:PutTraceSegments", "*") in needed(role_of(function(TracingConfig={"Mode": "Active"})))


@pytest.mark.parametrize(("options", "kind"), [("", "replicationgroup"), ("&serverless=true", "serverlesscache")])
def test_a_function_with_iam_for_the_cache_connects_as_its_user(options: str, kind: str) -> None:
    url = f"rediss://hub@cache.example:6379?cluster=true&iam=orders{options}"
    needs = needed(role_of(function(Environment={"Variables": {"REDIS_URL": url}})))
    cache = "arn:aws:elasticache:us-east-1:123456789012"
    assert needs == {("elasticache:Connect", f"{cache}:{kind}:orders"), ("elasticache:Connect", f"{cache}:user:hub")}


def test_a_function_with_a_password_needs_no_permission() -> None:
    assert needed(role_of(function(Environment={"Variables": {"REDIS_URL": "rediss://hub:secret@h:6379"}}))) == set()


@pytest.mark.parametrize("named", [{}, {"LoggingConfig": {"LogGroup": {"Ref": "Log"}}}])
def test_the_log_of_a_function_is_its_configured_one(named: dict[str, Any]) -> None:
    name = "/hub/rest" if named else "/aws/lambda/rest"
    log = resource("AWS::Logs::LogGroup", LogGroupName=name)
    writing = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": {"Fn::GetAtt": ["Log", "Arn"]},
    }
    own = resource("AWS::IAM::Role", Policies=[policy(writing)])
    assert list(missing(role_of(function(FunctionName="rest", **named), role=own, Log=log), ())) == []


def test_sam_policy_templates_become_statements(tmp_path: Path) -> None:
    python = sam_python()
    if python is None:
        pytest.skip("SAM's transform is not installed; `make lint-template` does it")
    template = tmp_path / "template.yaml"
    template.write_text("""
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: .
      Policies:
        - SQSSendMessagePolicy: {QueueName: Bells}
""")
    [role] = roles(deployed(template, python=python, parameters={}))
    assert (("sqs:SendMessage*",), (_BELLS,)) in allowed(role)
