"""The permissions of each function's role, and those that Lambda itself needs from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from moto.iam.aws_managed_policies import aws_managed_policies_data

from eventstore.adapters.redis.url import RedisUrl
from eventstore_dev.aws_names import ACCOUNT, REGION, arn
from tests.policies.deployed import log_group
from tests.policies.evaluator import PolicyError, Statement, document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from eventstore_dev.cloudformation import Resource
    from tests.policies.deployed import Deployed

__all__ = ["Need", "Role", "roles"]

_OF_AWS = "arn:aws:iam::aws:policy/"
_ROLE = "AWS::IAM::Role"


class Need(NamedTuple):
    """A permission that a role must have.

    Attributes:
        why: What needs it, for who reads a finding.
    """

    action: str
    resource: str
    why: str


@dataclass(frozen=True, slots=True)
class Role:
    """A function's role.

    Attributes:
        function: The function's logical id.
        name: What the function is called when it runs.
        needs: What Lambda and the cache ask of the role, whatever the function calls.
    """

    function: str
    name: str
    statements: tuple[Statement, ...]
    needs: tuple[Need, ...]


def roles(template: Deployed) -> tuple[Role, ...]:
    """The role of each function.

    Raises:
        PolicyError: A role is not in the template, or says what is not understood.
    """
    policies = {arn(_ROLE, role.name): tuple(_statements(template, role)) for role in template.of_kind(_ROLE)}
    read_roles = []
    for function in template.of_kind("AWS::Lambda::Function"):
        role = template.resolve(function.properties["Role"], at=f"{function.name}.Role")
        if role not in policies:
            raise PolicyError(f"{function.name}: its role {role} is none of the template's")
        name = str(template.resolve(function.properties.get("FunctionName", function.name), at=function.name))
        needs = tuple(_needs(template, function, name))
        read_roles.append(Role(function.name, name, policies[role], needs))
    return tuple(read_roles)


def _statements(template: Deployed, role: Resource) -> Iterator[Statement]:
    for policy in _resolved(template, role, "Policies", []):
        yield from document(policy["PolicyDocument"], source=f"{role.name}, {policy['PolicyName']}")
    for named in _resolved(template, role, "ManagedPolicyArns", []):
        yield from _managed(template, named)
    for policy in (*template.of_kind("AWS::IAM::Policy"), *template.of_kind("AWS::IAM::ManagedPolicy")):
        if role.name in _resolved(template, policy, "Roles", []):
            yield from document(_resolved(template, policy, "PolicyDocument", None), source=policy.name)


def _managed(template: Deployed, named: str) -> tuple[Statement, ...]:
    if named.startswith(_OF_AWS):
        name = named.rpartition("/")[2]
        if name not in _policies_of_aws():
            raise PolicyError(f"{named} is no managed policy of AWS")
        return document(_policies_of_aws()[name]["Document"], source=name)
    policy = template.resources.get(named)
    if policy is None:
        raise PolicyError(f"{named} is no managed policy of the template")
    return document(_resolved(template, policy, "PolicyDocument", None), source=policy.name)


@cache
def _policies_of_aws() -> Mapping[str, Any]:
    managed_policies: Mapping[str, Any] = json.loads(aws_managed_policies_data)
    return managed_policies


def _needs(template: Deployed, function: Resource, name: str) -> Iterator[Need]:
    """AWS Lambda Developer Guide, "Defining Lambda function permissions with an execution role"."""
    logging = _resolved(template, function, "LoggingConfig", {})
    streams = f"{log_group(logging.get('LogGroup', f'/aws/lambda/{name}'))}:log-stream:any"
    yield from _each(_LOGS, streams, "Lambda writes the function's log")
    for mapping in template.of_kind("AWS::Lambda::EventSourceMapping"):
        if _function_of(template, _resolved(template, mapping, "FunctionName", "")) == function.name:
            yield from _each(_POLLING, _resolved(template, mapping, "EventSourceArn", ""), f"{mapping.name} polls")
    if _resolved(template, function, "VpcConfig", None):
        yield from _each(_INTERFACES, "*", "Lambda reaches into the VPC")
    if _resolved(template, function, "TracingConfig", {}).get("Mode") == "Active":
        yield from _each(_TRACES, "*", "Lambda sends traces")
    yield from _entering(_resolved(template, function, "Environment", {}).get("Variables", {}).get("REDIS_URL"))
    queue = _resolved(template, function, "DeadLetterConfig", {}).get("TargetArn")
    if queue:
        yield Need("sqs:SendMessage", queue, "Lambda keeps calls that failed")


def _entering(url: str | None) -> Iterator[Need]:
    """ElastiCache User Guide, "Authenticating with IAM": the policy names the cache and the user."""
    user = RedisUrl.parse(url).iam if url else None
    if user is not None:
        kind = "serverlesscache" if user.serverless else "replicationgroup"
        for resource in (f"{kind}:{user.cache}", f"user:{user.name}"):
            yield Need(
                "elasticache:Connect", f"arn:aws:elasticache:{REGION}:{ACCOUNT}:{resource}", "REDIS_URL has iam="
            )


_LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")
# "Using Lambda with Amazon SQS", execution role permissions.
_POLLING = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
# "Giving Lambda functions access to resources in an Amazon VPC", required IAM permissions.
_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
# "Visualize Lambda function invocations using AWS X-Ray".
_TRACES = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")


def _each(actions: Iterable[str], resource: str, why: str) -> Iterator[Need]:
    return (Need(action, resource, why) for action in actions)


def _function_of(template: Deployed, named: str) -> str:
    """The logical id of a function, by its own name, its ARN or an alias."""
    if named in template.resources and template.resources[named].kind == "AWS::Lambda::Alias":
        return _function_of(template, _resolved(template, template.resources[named], "FunctionName", ""))
    return named.rpartition(":")[2]


def _resolved(template: Deployed, resource: Resource, name: str, otherwise: Any) -> Any:  # noqa: ANN401 - a property
    # Resolved as a member, because only a member may resolve to AWS::NoValue.
    properties = template.resolve({name: resource.properties.get(name, otherwise)}, at=resource.name)
    return properties.get(name, otherwise)
