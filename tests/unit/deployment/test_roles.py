"""Least privilege of the templates; tests/policies compares with the calls that the suite makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.deployment.templates import TEMPLATES, mappings_in, resources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNNAMED = {
    "ec2:AssignPrivateIpAddresses": "network interfaces have no name before Lambda makes them",
    "ec2:CreateNetworkInterface": "the same",
    "ec2:DeleteNetworkInterface": "the same",
    "ec2:DescribeNetworkInterfaces": "what is listed cannot be named",
    "ec2:DescribeSubnets": "the same",
    "ec2:UnassignPrivateIpAddresses": "network interfaces have no name before Lambda makes them",
    "ecr:GetAuthorizationToken": "a token is for the whole registry",
    "logs:DescribeLogGroups": "what is listed cannot be named",
    "s3:GetObject": "the endpoint's own policy, which is for the account's buckets",
    "s3:PutObject": "the same",
    "s3:DeleteObject": "the same",
    "s3:ListBucket": "the same",
}
AWS_OWN = ["arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"]


def allowed() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for file, template in TEMPLATES.items():
        for name, resource in template["Resources"].items():
            for node in mappings_in(resource):
                if node.get("Effect") == "Allow" and node.get("Action") != "sts:AssumeRole":
                    yield f"{file}.{name}", node


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


ALLOWED = list(allowed())


@pytest.mark.parametrize(("where", "statement"), ALLOWED, ids=[where for where, _ in ALLOWED])
def test_every_action_is_named(where: str, statement: Mapping[str, Any]) -> None:
    assert not [action for action in listed(statement["Action"]) if "*" in action], where


@pytest.mark.parametrize(("where", "statement"), ALLOWED, ids=[where for where, _ in ALLOWED])
def test_every_resource_is_named_that_can_be(where: str, statement: Mapping[str, Any]) -> None:
    if "*" in listed(statement["Resource"]):
        assert set(listed(statement["Action"])) <= set(UNNAMED), where


def test_actions_without_a_resource_name_are_still_needed() -> None:
    unnamed = {
        action
        for _, statement in ALLOWED
        if "*" in listed(statement["Resource"])
        for action in listed(statement["Action"])
    }
    assert unnamed == set(UNNAMED)


def test_only_the_role_of_the_gateway_has_an_aws_managed_policy() -> None:
    attached = [
        policy
        for role in resources("AWS::IAM::Role").values()
        for policy in mappings_in(role.get("ManagedPolicyArns"))
        if "Fn::Sub" in policy
    ]
    assert [policy["Fn::Sub"] for policy in attached] == AWS_OWN


@pytest.mark.parametrize(("name", "role"), resources("AWS::IAM::Role").items(), ids=resources("AWS::IAM::Role"))
def test_a_role_can_be_assumed_by_one_service(name: str, role: Mapping[str, Any]) -> None:
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    services = {
        "ApiLogsRole": "apigateway",
        "ExecutionRole": "ecs-tasks",
        "RefusedRole": "vpc-flow-logs",
        "TaskRole": "ecs-tasks",
    }
    service = services.get(name, "lambda")
    assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
