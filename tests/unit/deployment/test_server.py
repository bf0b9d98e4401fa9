"""The server on Fargate, which is there only if it is asked for."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_dev.cloudformation import Document
from tests.policies.deployed import Deployed
from tests.unit.deployment.templates import NESTED, OWN, ROOT, properties

if TYPE_CHECKING:
    from collections.abc import Mapping

STACK = NESTED["server"]
QUEUES = "https://sqs.us-east-1.amazonaws.com/123456789012"
GIVEN = {
    "Hub": "hub",
    "Image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/hub:1.2",
    "Domain": "hub.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
    "Scheme": "internal",
    "Clients": "10.0.0.0/8",
    "VpcId": "vpc-1",
    "VpcCidr": "10.64.0.0/20",
    "AvailabilityZones": "2",
    "Network": "created",
    "SubnetIds": "subnet-1,subnet-2",
    "SecurityGroupIds": "sg-1,sg-2",
    "LoadBalancerSubnetIds": "",
    "Tasks": "2",
    "MaxTasks": "10",
    "Memory": "2048",
    "ConnectionsPerTask": "5000",
    "Dispatch": "lambda",
    "RedisUrl": "rediss://hub@cache:6379?cluster=true&iam=made",
    "CacheArns": "arn:aws:elasticache:us-east-1:123456789012:replicationgroup:made",
    "Backend": "redis",
    "NatsUrl": "",
    "NatsReplicas": "1",
    "KafkaBrokers": "",
    "KafkaReplicas": "1",
    "KafkaClusterArn": "",
    "Journal": "eventstore",
    "Partitions": "",
    "ConnectionShards": "",
    "Auth": "key",
    "JwtIssuer": "",
    "JwtAudience": "",
    "JwtJwksUrl": "",
    "ApiKeysSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:keys-a1b2c3",
    "AllowedOrigins": "",
    "Targets": "",
    "BellsQueue": f"{QUEUES}/bells.fifo",
    "DeliveriesQueue": f"{QUEUES}/deliveries.fifo",
    "DeadLettersQueue": f"{QUEUES}/letters.fifo",
    "PushesQueue": "",
    "SentQueueArns": "arn:aws:sqs:us-east-1:123456789012:bells.fifo",
    "DeadLettersQueueArn": "arn:aws:sqs:us-east-1:123456789012:letters.fifo",
    "LogLevel": "INFO",
    "LogRetentionDays": "30",
}
WAYS_OUT = {"EcrApiEndpoint", "EcrImagesEndpoint", "LogsEndpoint", "SecretsEndpoint"}


def deployed(**parameters: str) -> Deployed:
    return Deployed.read(ROOT / "infra/stacks/server.yaml", parameters=GIVEN | parameters)


def settled(name: str, **parameters: str) -> Any:  # noqa: ANN401 - whatever stands there
    document = deployed(**parameters)
    return document.resolve(document.resources[name].properties, at=name)


def container() -> Mapping[str, Any]:
    (only,) = properties("server", "Task")["ContainerDefinitions"]
    container_of: Mapping[str, Any] = only
    return container_of


def allowed(role: str, **parameters: str) -> list[Mapping[str, Any]]:
    statements: list[Mapping[str, Any]] = settled(role, **parameters)["Policies"][0]["PolicyDocument"]["Statement"]
    return statements


def test_there_is_no_server_unless_it_is_asked_for() -> None:
    without = Document(OWN, path=ROOT / "template.yaml", parameters={})
    with_it = Document(OWN, path=ROOT / "template.yaml", parameters={"Server": "on"})
    assert with_it.resources.keys() - without.resources.keys() == {"Serving"}
    given = without.resolve(without.resources["Observing"].properties["Parameters"]["ServerService"], at="Observing")
    assert given == ""


@pytest.mark.parametrize(
    ("parameter", "assertion"),
    [("ServerImage", 0), ("ServerDomain", 1), ("ServerCertificateArn", 2)],
)
def test_a_server_is_refused_without_what_it_needs(parameter: str, assertion: int) -> None:
    rule = OWN["Rules"]["Served"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "Server"}, "on"]}
    assert rule["Assertions"][assertion]["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}


def test_a_server_is_refused_where_nothing_would_authorize_its_callers() -> None:
    asserted = [one["Assert"] for one in OWN["Rules"]["Served"]["Assertions"]]
    assert {"Fn::Not": [{"Fn::Equals": [{"Ref": "Auth"}, "iam"]}]} in asserted
    assert STACK["Parameters"]["Auth"]["AllowedValues"] == ["jwt", "key"]


def test_the_container_runs_with_no_more_than_it_needs() -> None:
    own = container()
    assert own["ReadonlyRootFilesystem"] is True
    assert own["User"].partition(":")[0] not in {"", "0", "root"}
    assert own["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert properties("server", "Task")["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    assert (
        properties("server", "Service")["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"
    )


def test_the_server_has_longer_to_stop_than_it_takes_to_drain() -> None:
    assert container()["StopTimeout"] > 10


def test_a_deployment_starts_new_tasks_first_and_goes_back_if_they_fail() -> None:
    deployment = properties("server", "Service")["DeploymentConfiguration"]
    assert deployment["MinimumHealthyPercent"] == 100
    assert deployment["MaximumPercent"] > 100
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert "DesiredCount" not in properties("server", "Service")


@pytest.mark.parametrize(
    ("group", "port", "protocol", "path"),
    [
        ("HttpTargets", 8081, "HTTP1", "/health/ready"),
        ("GrpcTargets", 9001, "GRPC", "/grpc.health.v1.Health/Check"),
    ],
)
def test_each_protocol_has_a_target_group_with_its_own_health_check(
    group: str, port: int, protocol: str, path: str
) -> None:
    targets = properties("server", group)
    assert (targets["Port"], targets["ProtocolVersion"], targets["HealthCheckPath"]) == (port, protocol, path)
    served = {
        (one["ContainerPort"], one["TargetGroupArn"]["Ref"]) for one in properties("server", "Service")["LoadBalancers"]
    }
    assert (port, group) in served
    assert {"ContainerPort": port, "Protocol": "tcp"} in container()["PortMappings"]


def test_only_calls_of_grpc_go_to_the_port_of_grpc() -> None:
    rule = properties("server", "GrpcRule")
    assert rule["Conditions"] == [
        {
            "Field": "http-header",
            "HttpHeaderConfig": {"HttpHeaderName": "content-type", "Values": ["application/grpc*"]},
        }
    ]
    assert rule["Actions"] == [{"Type": "forward", "TargetGroupArn": {"Ref": "GrpcTargets"}}]
    listener = properties("server", "Listener")
    assert listener["Protocol"] == "HTTPS"
    assert listener["DefaultActions"] == [{"Type": "forward", "TargetGroupArn": {"Ref": "HttpTargets"}}]


def test_the_server_may_push_to_the_same_targets_as_the_functions() -> None:
    given = properties("template", "Serving")["Parameters"]["Targets"]
    assert given == OWN["Globals"]["Function"]["Environment"]["Variables"]["TARGETS"]


def test_a_task_may_send_to_the_queues_and_reach_the_cache_and_its_secret() -> None:
    actions = {str(statement["Action"]) for statement in allowed("TaskRole")}
    assert actions == {
        "sqs:SendMessage",
        "['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility']",
        "elasticache:Connect",
        "secretsmanager:GetSecretValue",
    }


def test_a_task_reads_no_secret_where_tokens_are_the_credentials() -> None:
    statements = json.dumps(allowed("TaskRole", Auth="jwt", CacheArns=""))
    assert "secretsmanager" not in statements
    assert "elasticache" not in statements


@pytest.mark.parametrize("image", ["team/hub:1.2", f"team/hub@sha256:{'0' * 64}"])
def test_the_image_is_pulled_from_its_repository_alone(image: str) -> None:
    [pulls] = [
        statement
        for statement in allowed("ExecutionRole", Image=f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{image}")
        if "ecr:BatchGetImage" in statement["Action"]
    ]
    assert pulls["Resource"] == "arn:aws:ecr:eu-west-1:123456789012:repository/team/hub"


def test_tasks_have_their_own_group_beside_those_that_reach_the_cache() -> None:
    groups = settled("Service")["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"]
    assert groups[:2] == ["sg-1", "sg-2"]
    assert len(groups) == 3


def test_a_created_network_has_endpoints_and_an_existing_one_keeps_its_own() -> None:
    assert deployed().resources.keys() >= WAYS_OUT
    assert not WAYS_OUT & deployed(Network="existing").resources.keys()
    assert WAYS_OUT - deployed(Auth="jwt").resources.keys() == {"SecretsEndpoint"}


@pytest.mark.parametrize(
    ("given", "subnets"),
    [
        ({}, 0),
        ({"Scheme": "internet-facing"}, 2),
        ({"Scheme": "internet-facing", "AvailabilityZones": "3"}, 3),
        ({"Scheme": "internet-facing", "Network": "existing", "LoadBalancerSubnetIds": "subnet-7,subnet-8"}, 0),
    ],
)
def test_public_subnets_are_created_for_a_public_load_balancer_alone(given: dict[str, str], subnets: int) -> None:
    document = deployed(**given)
    created = [subnet.name for subnet in document.of_kind("AWS::EC2::Subnet")]
    assert len(created) == subnets
    assert bool(created) is ("Gateway" in document.resources)
    used = settled("LoadBalancer", **given)["Subnets"]
    named = given.get("LoadBalancerSubnetIds") or GIVEN["SubnetIds"]
    assert len(used) == subnets if created else ",".join(used) == named
    # Tasks never are in them.
    assert settled("Service", **given)["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"] == [
        "subnet-1",
        "subnet-2",
    ]


def test_every_variable_of_the_container_is_one_that_the_server_reads() -> None:
    read = "".join(
        path.read_text()
        for folder in ("infra/server", "infra/hosting", "layers/eventstore/eventstore", "functions/authorizer")
        for path in (ROOT / folder).rglob("*.py")
    )
    # The format of logs, and the name that powertools gives the hub in them.
    others = {"LOG_FORMAT", "POWERTOOLS_SERVICE_NAME"}
    names = {variable["Name"] for variable in container()["Environment"]}
    assert {name for name in names - others if not re.search(rf"\b{name}\b", read)} == set()
