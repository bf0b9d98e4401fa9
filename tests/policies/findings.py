"""Findings on roles, as sentences: missing, unused and too wide permissions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tests.policies.evaluator import allows, matches_action, matches_resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.policies.evaluator import Statement
    from tests.policies.roles import Need, Role

__all__ = ["missing", "unnamed", "unused"]


class Wide(NamedTuple):
    """Permissions that may be granted on more than a named resource.

    Attributes:
        resources: What its resource may look like, a regular expression.
        reason: Why no narrower resource can be named.
    """

    actions: frozenset[str]
    resources: str
    reason: str


WIDE = (
    Wide(
        frozenset(
            {
                "ec2:AssignPrivateIpAddresses",
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSubnets",
                "ec2:UnassignPrivateIpAddresses",
            }
        ),
        r"\*",
        "Lambda checks them on * when a function joins a VPC (Developer Guide, required IAM permissions)",
    ),
    Wide(
        frozenset({"xray:PutTelemetryRecords", "xray:PutTraceSegments"}),
        r"\*",
        "they have no resource types (Service Authorization Reference, AWS X-Ray)",
    ),
    Wide(
        frozenset({"execute-api:ManageConnections"}),
        r"arn:[^*]+/@connections/\*",
        "a connection has its id from API Gateway as it is made",
    ),
    Wide(
        frozenset({"lambda:InvokeFunction"}),
        r"arn:[^*]+:function:[^*:]+:\*",
        "a rule names a version or an alias, or none",
    ),
    Wide(
        frozenset({"secretsmanager:GetSecretValue"}),
        r"arn:[^*?]+:secret:[^*?]+-\?{6}",
        "the service ends the ARN of a secret with six characters of its choice",
    ),
    Wide(
        frozenset({"s3:DeleteObject", "s3:GetObject", "s3:PutObject"}),
        r"arn:[^*?]+/events/\*(\.gz)?",
        "files of the archive are named by their content",
    ),
    Wide(
        frozenset({"logs:CreateLogStream", "logs:PutLogEvents"}),
        r"arn:[^*]+:log-group:[^*:]+:(log-stream:)?\*",
        "Lambda names a stream as an environment starts",
    ),
)


def missing(role: Role, needs: Iterable[Need]) -> Iterator[str]:
    """The calls that the function makes and its role does not allow."""
    for action, resource, why in sorted({*needs, *role.needs}):
        if not allows(role.statements, action, resource):
            yield f"{role.function} may not {action} on {resource} ({why})"


def unused(role: Role, needs: Iterable[Need]) -> Iterator[str]:
    """The permissions that no call uses: each action of a statement on each of its resources."""
    wanted = {*needs, *role.needs}
    for statement, action, resource in _grants(role):
        asked = any(
            matches_action(action, need.action) and matches_resource(resource, need.resource) for need in wanted
        )
        if not asked:
            yield f"{role.function} may {action} on {resource} ({statement.source}), which nothing asks for"


def unnamed(role: Role) -> Iterator[str]:
    """The permissions with wildcards in actions, or in resources that could be named."""
    for statement, action, resource in _grants(role):
        if "*" in action or "?" in action:
            yield f"{role.function} may {action} ({statement.source}); name the actions"
        elif ("*" in resource or "?" in resource) and not _may_be_wide(action, resource):
            yield f"{role.function} may {action} on {resource} ({statement.source}); name the resource"


def _may_be_wide(action: str, resource: str) -> bool:
    return any(action in wide.actions and re.fullmatch(wide.resources, resource) for wide in WIDE)


def _grants(role: Role) -> Iterator[tuple[Statement, str, str]]:
    return (
        (statement, action, resource)
        for statement in role.statements
        if statement.allow
        for action in statement.actions
        for resource in statement.resources
    )
