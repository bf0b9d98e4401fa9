"""The journal that keeps events, if the parameter Backend names one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.policies.deployed import Deployed
from tests.unit.deployment.templates import OWN, ROOT, properties, resources
from tests.unit.deployment.test_server import GIVEN

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES = {
    "BACKEND": "Backend",
    "NATS_URL": "NatsUrl",
    "NATS_REPLICAS": "NatsReplicas",
    "KAFKA_BROKERS": "KafkaBrokers",
    "KAFKA_REPLICAS": "KafkaReplicas",
    "JOURNAL": "Journal",
}
ADDRESSES = {"nats": "NatsUrl", "kafka": "KafkaBrokers"}
RULES = {"nats": ("OnNats", "NotOnNats"), "kafka": ("OnKafka", "NotOnKafka")}
CLUSTER = "arn:aws:kafka:eu-west-1:123456789012:cluster/events/0d1f-2"
ON_KAFKA = {"Backend": "kafka", "KafkaBrokers": "b-1:9098", "RedisUrl": "redis://cache:6379", "Journal": "hub_1"}
USERS = {
    name: about["Environment"]["Variables"]
    for name, about in resources("AWS::Serverless::Function").items()
    if "REDIS_URL" in about.get("Environment", {}).get("Variables", {})
}


@pytest.mark.parametrize("function", USERS)
def test_every_function_that_uses_the_store_knows_its_journal(function: str) -> None:
    assert {name: USERS[function].get(name) for name in VARIABLES} == {
        name: {"Ref": parameter} for name, parameter in VARIABLES.items()
    }


def test_the_server_knows_the_same_journal() -> None:
    [container] = properties("server", "Task")["ContainerDefinitions"]
    variables = {variable["Name"]: variable["Value"] for variable in container["Environment"]}
    given = properties("template", "Serving")["Parameters"]
    for name, parameter in VARIABLES.items():
        assert variables[name] == given[parameter] == {"Ref": parameter}


def test_events_are_in_the_cache_unless_another_backend_is_named() -> None:
    assert OWN["Parameters"]["Backend"]["Default"] == "redis"
    assert {OWN["Parameters"][address]["Default"] for address in ADDRESSES.values()} == {""}


@pytest.mark.parametrize("backend", ADDRESSES)
def test_a_journal_needs_servers_and_a_way_to_them(backend: str) -> None:
    rule = OWN["Rules"][RULES[backend][0]]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "Backend"}, backend]}
    assert [one["Assert"] for one in rule["Assertions"]] == [
        {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]} for parameter in (ADDRESSES[backend], "RedisUrl")
    ]


@pytest.mark.parametrize("backend", ADDRESSES)
def test_servers_without_the_backend_are_refused(backend: str) -> None:
    rule = OWN["Rules"][RULES[backend][1]]
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": ADDRESSES[backend]}, ""]}]}
    assert [one["Assert"] for one in rule["Assertions"]] == [{"Fn::Equals": [{"Ref": "Backend"}, backend]}]


def test_functions_in_the_network_that_is_created_reach_no_servers_of_a_journal() -> None:
    # What the assertion about RedisUrl says: of the network's own, only the cache, SQS and S3 are in reach.
    egress = properties("network", "FunctionsGroup")["SecurityGroupEgress"]
    assert [(rule["FromPort"], rule["ToPort"]) for rule in egress] == [(6379, 6380), (443, 443)]


def deployed(**parameters: str) -> Deployed:
    return Deployed.read(ROOT / "template.yaml", parameters=parameters)


def settled(name: str, **parameters: str) -> Mapping[str, Any]:
    document = deployed(**parameters)
    settled_properties: Mapping[str, Any] = document.resolve(document.resources[name].properties, at=name)
    return settled_properties


@pytest.mark.parametrize("name", resources("AWS::Serverless::Function"))
def test_functions_that_use_the_store_have_the_library_of_kafka_with_that_backend_alone(name: str) -> None:
    alone = resources("AWS::Serverless::Function")[name]
    condition, with_kafka, without = alone["Layers"]["Fn::If"] if name in USERS else ("", [], alone.get("Layers", []))
    assert {"Ref": "KafkaLayer"} not in without
    assert with_kafka == ([*without, {"Ref": "KafkaLayer"}] if name in USERS else [])
    assert condition == ("JournalOnKafka" if name in USERS else "")


def test_the_library_of_kafka_is_deployed_with_that_backend_alone() -> None:
    assert "KafkaLayer" not in deployed().resources
    assert "KafkaLayer" not in deployed(Backend="nats", NatsUrl="nats://n:4222").resources
    assert "KafkaLayer" in deployed(**ON_KAFKA).resources


ALLOWED = [
    (CLUSTER, {"Connect", "DescribeCluster"}),
    (
        CLUSTER.replace(":cluster/", ":topic/") + "/hub_1",
        {"CreateTopic", "DescribeTopic", "DescribeTopicDynamicConfiguration", "ReadData", "WriteData"},
    ),
    (CLUSTER.replace(":cluster/", ":group/") + "/hub_1", {"AlterGroup", "DescribeGroup"}),
]
"""The resources of Amazon MSK that the hub uses, and how."""


def allowed_on_kafka(statements: list[Mapping[str, Any]]) -> list[tuple[str, set[str]]]:
    return [
        (statement["Resource"], {action.partition(":")[2] for action in statement["Action"]})
        for statement in statements
        if "kafka-cluster:" in statement["Action"][0]
    ]


def test_the_roles_of_users_of_the_store_may_use_one_topic_and_one_group_of_a_named_cluster() -> None:
    given = {**ON_KAFKA, "KafkaClusterArn": CLUSTER}
    assert allowed_on_kafka(settled("KafkaAccess", **given)["PolicyDocument"]["Statement"]) == ALLOWED
    attached = {
        name.replace("Role", "Function")
        for name in resources("AWS::IAM::Role")
        if {"Ref": "KafkaAccess"}
        in OWN["Resources"].get(name, {}).get("Properties", {}).get("ManagedPolicyArns", [{}])[-1].get("Fn::If", [])
    }
    assert attached == set(USERS)


def test_a_task_of_the_server_may_use_the_same_of_a_named_cluster() -> None:
    document = Deployed.read(
        ROOT / "infra/stacks/server.yaml",
        parameters={**GIVEN, "Backend": "kafka", "Journal": "hub_1", "KafkaClusterArn": CLUSTER},
    )
    role = document.resolve(document.resources["TaskRole"].properties, at="TaskRole")
    assert allowed_on_kafka(role["Policies"][0]["PolicyDocument"]["Statement"]) == ALLOWED


@pytest.mark.parametrize("parameters", [{}, ON_KAFKA, {"KafkaClusterArn": CLUSTER}])
def test_no_role_may_use_a_cluster_that_is_not_named_or_not_used(parameters: dict[str, str]) -> None:
    assert "KafkaAccess" not in deployed(**parameters).resources
