"""The stacks of network and cache, which the hub under test does not use, can be deployed too."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.adapters.redis.url import IamUser, RedisUrl
from eventstore_dev.template_file import load
from tests.e2e.deployed import DeployedHub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.deployed import Account
    from tests.e2e.hubs import Hub

STACKS = Path(__file__).parents[2] / "infra/stacks"
QUEUES = "arn:aws:sqs:us-east-1:000000000000:bells.fifo,arn:aws:sqs:us-east-1:000000000000:alarms"

pytestmark = pytest.mark.needs("elasticache")


@pytest.fixture(scope="module")
def deployed(running_hub: Hub) -> DeployedHub:
    assert isinstance(running_hub, DeployedHub)
    return running_hub


@pytest.fixture(scope="module")
def account(deployed: DeployedHub) -> Account:
    return deployed.account


@pytest.fixture(scope="module")
def network(deployed: DeployedHub) -> Iterator[dict[str, str]]:
    parameters = {
        "Hub": "hub",
        "VpcCidr": "10.64.0.0/20",
        "AvailabilityZones": "3",
        "SqsEndpointZones": "one",
        "QueueArns": QUEUES,
        "PullsImages": "false",
        "LogRetentionDays": "30",
    }
    with made("network", parameters, deployed) as outputs:
        yield outputs


@contextmanager
def made(stack: str, parameters: dict[str, str], hub: DeployedHub) -> Iterator[dict[str, str]]:
    """Deploy a stack during the block; yield its outputs."""
    name = f"eventstore-e2e-{stack}"
    template = hub.adapting.template(dict(load(STACKS / f"{stack}.yaml")))
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    patience = {"Delay": 1, "MaxAttempts": 60}
    with hub.account.client("cloudformation") as stacks:
        stacks.create_stack(
            StackName=name, TemplateBody=json.dumps(template), Parameters=given, Capabilities=["CAPABILITY_IAM"]
        )
        try:
            stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=patience)
            [description] = stacks.describe_stacks(StackName=name)["Stacks"]
            yield {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}
        finally:
            stacks.delete_stack(StackName=name)
            stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=patience)


def egress(account: Account, group: str) -> list[tuple[Any, Any, list[str]]]:
    with account.client("ec2") as ec2:
        [description] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return [
        (rule.get("FromPort"), rule.get("ToPort"), [ip_range["CidrIp"] for ip_range in rule["IpRanges"]])
        for rule in description["IpPermissionsEgress"]
    ]


def test_each_zone_has_a_private_quarter_of_the_network(account: Account, network: dict[str, str]) -> None:
    with account.client("ec2") as ec2:
        subnets = ec2.describe_subnets(SubnetIds=network["SubnetIds"].split(","))["Subnets"]
    assert sorted(subnet["CidrBlock"] for subnet in subnets) == ["10.64.0.0/22", "10.64.4.0/22", "10.64.8.0/22"]
    assert len({subnet["AvailabilityZone"] for subnet in subnets}) == 3
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in subnets)


def test_the_endpoint_of_sqs_is_in_one_zone_if_requested(account: Account, network: dict[str, str]) -> None:
    first, *others = network["SubnetIds"].split(",")
    with account.client("ec2") as ec2:
        endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    placed = [endpoint["SubnetIds"] for endpoint in endpoints if endpoint["ServiceName"].endswith(".sqs")]
    assert [first] in placed
    assert not [zone_subnets for zone_subnets in placed if set(zone_subnets) & set(others)]


def test_functions_may_reach_the_cache_and_sqs_only(account: Account, network: dict[str, str]) -> None:
    assert egress(account, network["FunctionsGroup"]) == [(6379, 6380, []), (443, 443, [])]
    assert egress(account, network["CacheGroup"]) == [(None, None, ["127.0.0.1/32"])]


def test_the_cluster_is_created_with_an_address_that_the_hub_accepts(
    account: Account, deployed: DeployedHub, network: dict[str, str]
) -> None:
    parameters = {
        "Hub": "hub",
        "Kind": "cluster",
        "SubnetIds": network["SubnetIds"],
        "CacheGroup": network["CacheGroup"],
        "NodeType": "cache.r7g.large",
        "Shards": "1",
        "Replicas": "1",
        "Gigabytes": "10",
        "Ecpus": "100000",
        "LogRetentionDays": "30",
    }
    with made("cache", parameters, deployed) as cache, account.client("elasticache") as caches:
        user = cache["UserArn"].rpartition(":")[2]
        assert RedisUrl.parse(cache["RedisUrl"]).iam == IamUser(user, cache["Name"], serverless=False)
        assert cache["CacheArn"].endswith(f":replicationgroup:{cache['Name']}")
        [group] = caches.describe_replication_groups(ReplicationGroupId=cache["Name"])["ReplicationGroups"]
        [users] = caches.describe_user_groups(UserGroupId=user)["UserGroups"]
        assert (group["Engine"], len(group["NodeGroups"]), group["MultiAZ"]) == ("valkey", 3, "enabled")
        assert users["UserIds"] == [user]


def test_logs_are_named_after_the_hub(account: Account, network: dict[str, str]) -> None:
    assert network
    with account.client("logs") as logs:
        log_groups = logs.describe_log_groups(logGroupNamePrefix="/flunq-eventstore/hub/")["logGroups"]
    assert "/flunq-eventstore/hub/refused" in {log_group["logGroupName"] for log_group in log_groups}
