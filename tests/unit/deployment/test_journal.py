"""The journal that keeps events, if the parameter Backend names one."""

from __future__ import annotations

import pytest

from tests.unit.deployment.templates import OWN, properties, resources

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
