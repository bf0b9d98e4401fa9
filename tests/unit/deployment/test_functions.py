from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.deployment.templates import OWN, ROOT, TEMPLATES, properties, resources

if TYPE_CHECKING:
    from collections.abc import Mapping

FUNCTIONS = resources("AWS::Serverless::Function")
LAYERS = resources("AWS::Serverless::LayerVersion")
LOGS = resources("AWS::Logs::LogGroup")
IN_VPC = {"ArchiveFunction", "DispatchFunction", "RestFunction", "SweepFunction", "WebSocketFunction"}
each_function = pytest.mark.parametrize(("name", "function"), FUNCTIONS.items(), ids=FUNCTIONS)


@each_function
def test_a_function_has_a_role_and_a_log_of_its_own(name: str, function: Mapping[str, Any]) -> None:
    own = name.removesuffix("Function")
    assert function["Role"] == {"Fn::GetAtt": f"{own}Role.Arn"}
    assert function["LoggingConfig"] == {"LogGroup": {"Ref": f"{own}Logs"}}
    assert f"{own}Logs" in LOGS


@pytest.mark.parametrize(("name", "log"), LOGS.items(), ids=LOGS)
def test_a_log_has_the_retention_of_the_parameter(name: str, log: Mapping[str, Any]) -> None:
    assert log["RetentionInDays"] == {"Ref": "LogRetentionDays"}, name


def test_a_log_is_named_after_the_hub_and_not_after_a_nested_stack() -> None:
    for stack, template in TEMPLATES.items():
        hub = "AWS::StackName" if template is OWN else "Hub"
        for log in (
            resource for resource in template["Resources"].values() if resource["Type"] == "AWS::Logs::LogGroup"
        ):
            assert log["Properties"]["LogGroupName"]["Fn::Sub"].startswith(f"/flunq-eventstore/${{{hub}}}/"), stack
    applications = resources("AWS::Serverless::Application").values()
    assert {application["Parameters"]["Hub"]["Ref"] for application in applications} == {"AWS::StackName"}


@each_function
def test_only_functions_that_use_the_cache_are_in_the_vpc_and_have_its_address(
    name: str, function: Mapping[str, Any]
) -> None:
    reaches = "VpcConfig" in function, "REDIS_URL" in function["Environment"]["Variables"]
    assert reaches == (name in IN_VPC, name in IN_VPC)


def test_the_console_may_do_nothing_but_write_its_log() -> None:
    role, function = properties("template", "ConsoleRole"), FUNCTIONS["ConsoleFunction"]
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert not {"ManagedPolicyArns", "Layers"} & {*role, *function}
    assert function["Environment"]["Variables"].keys() == {"AUTH", "WEBSOCKET_URL"}


def test_functions_run_from_snapshots_of_published_versions() -> None:
    general = OWN["Globals"]["Function"]
    assert (general["Runtime"], general["Architectures"]) == ("python3.13", ["arm64"])
    assert general["SnapStart"] == {"ApplyOn": {"Fn::If": ["StartsFromSnapshots", "PublishedVersions", "None"]}}
    assert general["AutoPublishAlias"] == "live"


@each_function
def test_a_change_of_any_property_is_published(name: str, function: Mapping[str, Any]) -> None:
    assert function["AutoPublishAliasAllProperties"] is True, name


@each_function
def test_a_function_is_built_of_the_folder_of_its_handler(name: str, function: Mapping[str, Any]) -> None:
    folder = re.fullmatch(r"functions\.(\w+)\.app\.handler", function["Handler"])
    assert folder is not None
    recipe = (ROOT / "Makefile").read_text()
    assert re.search(rf"^build-{name}: PARTS = {folder[1]}\b", recipe, re.MULTILINE)


@pytest.mark.parametrize(("name", "layer"), LAYERS.items(), ids=LAYERS)
def test_a_layer_has_a_recipe(name: str, layer: Mapping[str, Any]) -> None:
    assert f"build-{name}:" in (ROOT / layer["ContentUri"] / "Makefile").read_text()


def test_dispatch_and_sweep_have_reserved_concurrency() -> None:
    reserved = {name for name, function in FUNCTIONS.items() if "ReservedConcurrentExecutions" in function}
    assert reserved == {"DispatchFunction", "SweepFunction"}


def test_the_gateways_may_call_the_alias() -> None:
    called = ("AuthorizerFunction", "ConsoleFunction", "RestFunction", "WebSocketFunction")
    uris = re.findall(r"functions/(.+?)/invocations", json.dumps(OWN))
    assert set(uris) == {f"${{{name}.Arn}}:live" for name in called}
    permitted = {permission["FunctionName"]["Ref"] for permission in resources("AWS::Lambda::Permission").values()}
    assert permitted == {f"{name}.Alias" for name in called}


@pytest.mark.parametrize(
    "log",
    [
        properties("template", "RestApi")["AccessLogSetting"],
        properties("template", "WebSocketStage")["AccessLogSettings"],
    ],
)
def test_an_access_log_has_no_field_that_could_contain_a_credential(log: Mapping[str, Any]) -> None:
    condition, parameterized, otherwise = log["Fn::If"]
    assert (condition, otherwise) == ("LogsAccess", {"Ref": "AWS::NoValue"})
    fields = json.loads(parameterized["Format"])
    secret = re.compile(r"header|query|apiKey|authorizer\.(?!subject)|path(?!$)|body|protocol|Override", re.IGNORECASE)
    assert not [value for value in fields.values() if secret.search(value)]


def test_no_output_contains_a_secret() -> None:
    outputs = json.dumps([template.get("Outputs", {}) for template in TEMPLATES.values()])
    assert '"RedisUrl"}' not in outputs
