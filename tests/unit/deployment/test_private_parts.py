"""The network without internet access, and the durable cache with a single user."""

from __future__ import annotations

import json
import re

import pytest

from eventstore.adapters.redis.url import IamUser, RedisUrl
from tests.caches import RULE
from tests.policies.deployed import Deployed
from tests.unit.deployment.templates import NESTED, ROOT, properties, resources

OUTPUTS = NESTED["cache"]["Outputs"]


def test_the_hubs_user_has_exactly_the_documented_permissions() -> None:
    assert properties("cache", "HubUser")["AccessString"].split() == RULE


def test_the_hubs_user_authenticates_by_iam_under_its_id() -> None:
    user = properties("cache", "HubUser")
    assert user["AuthenticationMode"] == {"Type": "iam"}
    assert user["UserName"] == user["UserId"]


def test_only_the_hubs_user_may_access_the_cache() -> None:
    users = properties("cache", "Users")
    # The user without a password is disabled in a group for Valkey, and only there.
    assert (users["Engine"], users["UserIds"]) == ("valkey", [{"Ref": "HubUser"}])
    assert set(resources("AWS::ElastiCache::User")) == {"HubUser"}
    assert properties("cache", "Cluster")["UserGroupIds"] == [{"Ref": "Users"}]
    assert properties("cache", "Serverless")["UserGroupId"] == {"Ref": "Users"}


def test_the_cluster_loses_no_acknowledged_write_and_evicts_nothing() -> None:
    cluster = properties("cache", "Cluster")
    asked = ("Engine", "EngineVersion", "Durability", "ClusterMode", "TransitEncryptionMode")
    assert [cluster[name] for name in asked] == ["valkey", "9.0", "sync", "enabled", "required"]
    assert all(
        cluster[name] is True
        for name in (
            "AutomaticFailoverEnabled",
            "MultiAZEnabled",
            "TransitEncryptionEnabled",
            "AtRestEncryptionEnabled",
        )
    )
    assert properties("cache", "Settings")["Properties"]["maxmemory-policy"] == "noeviction"


def test_no_log_of_the_cache_contains_command_arguments() -> None:
    """The slow log would contain arguments: events, and names of streams and subscriptions."""
    delivered = [delivery["LogType"] for delivery in properties("cache", "Cluster")["LogDeliveryConfigurations"]]
    assert delivered == ["engine-log"]
    assert "LogDeliveryConfigurations" not in properties("cache", "Serverless")


@pytest.mark.parametrize("name", ["Cluster", "Serverless"])
def test_the_cluster_with_the_events_is_retained_when_its_stack_is_deleted(name: str) -> None:
    resource = NESTED["cache"]["Resources"][name]
    assert {resource["DeletionPolicy"], resource["UpdateReplacePolicy"]} <= {"Retain", "Snapshot"}


@pytest.mark.parametrize(("kind", "serverless"), [(1, False), (2, True)])
def test_the_hub_accepts_the_address_of_the_created_cache(kind: int, serverless: bool) -> None:  # noqa: FBT001 - a case
    output = OUTPUTS["RedisUrl"]["Value"]["Fn::If"][kind]["Fn::Sub"]
    known = {"HubUser": "hub-1a2b3c4d", "Cluster": "made", "Serverless": "made"}
    url = re.sub(r"\$\{([\w.]+)\}", lambda place: known.get(place[1], "6379" if "Port" in place[1] else "host"), output)
    assert RedisUrl.parse(url) == RedisUrl(
        "rediss://host:6379", cluster=True, iam=IamUser("hub-1a2b3c4d", "made", serverless=serverless)
    )


def test_the_network_has_no_way_to_the_internet() -> None:
    kinds = {resource["Type"] for resource in NESTED["network"]["Resources"].values()}
    ways = {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route", "AWS::EC2::EIP"}
    assert not kinds & ways
    assert "0.0.0.0/0" not in json.dumps(NESTED["network"])


def test_functions_talk_to_the_cache_and_to_sqs_alone() -> None:
    egress = properties("network", "FunctionsGroup")["SecurityGroupEgress"]
    assert [(rule["FromPort"], rule["ToPort"], rule["DestinationSecurityGroupId"]["Ref"]) for rule in egress] == [
        (6379, 6380, "CacheGroup"),
        (443, 443, "QueuesGroup"),
    ]


@pytest.mark.parametrize("group", ["CacheGroup", "QueuesGroup"])
def test_the_cache_and_the_endpoint_open_no_connections(group: str) -> None:
    assert [rule["CidrIp"] for rule in properties("network", group)["SecurityGroupEgress"]] == ["127.0.0.1/32"]


def test_every_rule_between_groups_has_a_description() -> None:
    rules = {**resources("AWS::EC2::SecurityGroupIngress"), **resources("AWS::EC2::SecurityGroupEgress")}
    assert all(rule["Description"] for rule in rules.values())


@pytest.mark.parametrize(
    ("zones", "endpoint", "subnets"),
    [
        ("2", "all", ["FirstSubnet", "SecondSubnet"]),
        ("3", "all", ["FirstSubnet", "SecondSubnet", "ThirdSubnet"]),
        ("2", "one", ["FirstSubnet"]),
        ("3", "one", ["FirstSubnet"]),
    ],
)
def test_the_endpoint_of_sqs_has_an_address_in_the_requested_zones(
    zones: str, endpoint: str, subnets: list[str]
) -> None:
    given = {
        "Hub": "hub",
        "VpcCidr": "10.64.0.0/20",
        "AvailabilityZones": zones,
        "SqsEndpointZones": endpoint,
        "QueueArns": "arn:aws:sqs:us-east-1:123456789012:bells.fifo",
        "PullsImages": "false",
        "LogRetentionDays": "1",
    }
    network = Deployed.read(ROOT / "infra/stacks/network.yaml", parameters=given)
    made = [subnet.name for subnet in network.of_kind("AWS::EC2::Subnet")]
    there = {network.resolve({"Ref": name}, at=name): name for name in made}
    asked = network.resolve(network.resources["QueuesEndpoint"].properties["SubnetIds"], at="QueuesEndpoint")
    assert [there[subnet] for subnet in asked] == subnets
    assert len(there) == int(zones)


def test_the_endpoint_of_sqs_is_for_the_hubs_queues() -> None:
    (statement,) = properties("network", "QueuesEndpoint")["PolicyDocument"]["Statement"]
    assert statement["Resource"] == {"Ref": "QueueArns"}
