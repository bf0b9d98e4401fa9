from __future__ import annotations

import pytest

from eventstore_dev.template import Template
from tests.unit.deployment.templates import ROOT, properties

HERE = {"RedisUrl": "redis://127.0.0.1:1"}
JWT = {"Auth": "jwt", "JwtIssuer": "https://issuer", "JwtAudience": "hub"}
PUBLIC = ("/api/v1/asyncapi.json", "/api/v1/docs", "/api/v1/eventstore.js", "/api/v1/openapi.json")
CONSOLE = ("/console", "/console/{proxy+}")
KEY = {"Auth": "key", "ApiKeysSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:keys"}


@pytest.mark.parametrize(
    ("given", "asked"),
    [({}, None), (JWT, "AuthorizerFunction"), (KEY, "AuthorizerFunction")],
    ids=["iam", "jwt", "key"],
)
def test_both_apis_have_the_same_authorizer(given: dict[str, str], asked: str | None) -> None:
    template = Template.read(ROOT / "template.yaml", parameters=HERE | given)
    assert template.apis["RestApi"].authorizer == asked
    assert template.websockets["WebSocketApi"].authorizer == asked
    assert ("AuthorizerFunction" in template.functions) is (asked is not None)


def test_by_default_iam_guards_both_apis() -> None:
    paths = properties("template", "RestApi")["DefinitionBody"]["paths"]
    guarded = {
        path: item["x-amazon-apigateway-any-method"] for path, item in paths.items() if path not in {*PUBLIC, *CONSOLE}
    }
    assert guarded.keys() == {"/", "/{proxy+}", "/api/v1/{proxy+}"}
    for operation in guarded.values():
        assert operation["security"] == {"Fn::If": ["TokenAuth", [{"Token": []}], [{"Iam": []}]]}
    assert properties("template", "ConnectRoute")["AuthorizationType"] == {"Fn::If": ["TokenAuth", "CUSTOM", "AWS_IAM"]}


def test_only_preflights_and_what_a_browser_loads_need_no_credential() -> None:
    paths = properties("template", "RestApi")["DefinitionBody"]["paths"]
    opened = {
        (path, method)
        for path, item in paths.items()
        for method, operation in item.items()
        if "security" not in operation
    }
    assert opened == {
        *((path, "options") for path in paths if path not in {*PUBLIC, *CONSOLE}),
        *((path, "x-amazon-apigateway-any-method") for path in (*PUBLIC, *CONSOLE)),
        ("/", "get"),
        ("/", "head"),
    }


def test_no_function_has_an_open_route_that_its_own_check_does_not_cover() -> None:
    template = Template.read(ROOT / "template.yaml", parameters=HERE | KEY)
    assert "RestFunction" in template.guarded


def test_what_leads_to_the_console_leads_to_nothing_else() -> None:
    paths = properties("template", "RestApi")["DefinitionBody"]["paths"]
    leading = {
        (path, method)
        for path, item in paths.items()
        for method, operation in item.items()
        if "ConsoleFunction" in operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
    }
    console = {(path, "x-amazon-apigateway-any-method") for path in CONSOLE}
    assert leading == {("/", "get"), ("/", "head"), *console}
