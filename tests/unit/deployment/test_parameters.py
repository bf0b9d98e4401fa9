from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.deployment.templates import NESTED, OWN, ROOT, TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Mapping

EVERY = [
    (f"{file}.{name}", about) for file, template in TEMPLATES.items() for name, about in template["Parameters"].items()
]
DEFAULTS = [(name, about) for name, about in EVERY if "Default" in about]
NUMBERS = {"Number"}


def admits(about: Mapping[str, Any], value: str) -> bool:
    if "AllowedValues" in about:
        return value in map(str, about["AllowedValues"])
    if about["Type"] in NUMBERS:
        return bool(about["MinValue"] <= float(value) <= about["MaxValue"])
    return re.fullmatch(about["AllowedPattern"], value) is not None


@pytest.mark.parametrize(("name", "about"), EVERY, ids=[name for name, _ in EVERY])
def test_a_parameter_has_a_description_and_a_constraint(name: str, about: Mapping[str, Any]) -> None:
    assert about["Description"].endswith((".", ")")) or "; " in about["Description"], name
    bounded = {"AllowedValues"} & set(about) or {"MinValue", "MaxValue"} <= set(about)
    assert bounded if about["Type"] in NUMBERS else bounded or "AllowedPattern" in about


@pytest.mark.parametrize(("name", "about"), DEFAULTS, ids=[name for name, _ in DEFAULTS])
def test_a_default_is_a_value_that_may_be_given(name: str, about: Mapping[str, Any]) -> None:
    assert admits(about, str(about["Default"])), name


def test_every_parameter_belongs_to_a_group_of_the_console() -> None:
    groups = OWN["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    asked = [name for group in groups for name in group["Parameters"]]
    assert sorted(asked) == sorted(OWN["Parameters"])


@pytest.mark.parametrize("stack", NESTED)
def test_a_nested_stack_is_given_the_parameters_that_it_has(stack: str) -> None:
    (given,) = [
        resource["Properties"]["Parameters"]
        for resource in OWN["Resources"].values()
        if resource.get("Properties", {}).get("Location") == f"infra/stacks/{stack}.yaml"
    ]
    assert set(given) == set(NESTED[stack]["Parameters"])


@pytest.mark.parametrize("environment", ["dev", "prod", "trial"])
def test_an_environment_sets_parameters_that_the_template_has(environment: str) -> None:
    configured = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]["deploy"]["parameters"]
    assert {"CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"} == set(configured["capabilities"])
    for name, _, value in (override.partition("=") for override in configured["parameter_overrides"]):
        assert admits(OWN["Parameters"][name], value), name


def test_only_the_addresses_of_the_cache_and_the_journal_may_contain_a_secret_and_are_masked() -> None:
    masked = {name for name, about in EVERY if about.get("NoEcho")}
    addresses = ("RedisUrl", "NatsUrl", "KafkaBrokers")
    assert masked == {f"{file}.{name}" for file in ("template", "server") for name in addresses}


@pytest.mark.parametrize(
    ("brokers", "fits"),
    [
        ("", True),
        ("b-1.hub.kafka.eu-west-1.amazonaws.com:9092,b-2.hub.kafka.eu-west-1.amazonaws.com:9092", True),
        ("kafka://user:p%40ss@host:9096?tls=true", True),
        ("kafka://host:9098?mechanism=AWS_MSK_IAM", True),
        ("http://host:9092", False),
        ("host:9092, other:9092", False),
    ],
)
def test_brokers_are_a_list_or_a_url(brokers: str, fits: bool) -> None:  # noqa: FBT001 - a case
    assert admits(OWN["Parameters"]["KafkaBrokers"], brokers) is fits


@pytest.mark.parametrize(
    ("node", "fits"),
    [
        ("cache.r7g.large", True),
        ("cache.m8g.16xlarge", True),
        ("cache.c7gn.xlarge", True),
        ("cache.t4g.medium", False),
        ("cache.r6gd.xlarge", False),
        ("r7g.large", False),
    ],
)
def test_a_durable_cluster_is_made_of_nodes_that_can_be_durable(node: str, fits: bool) -> None:  # noqa: FBT001 - a case
    assert admits(OWN["Parameters"]["CacheNodeType"], node) is fits
