from __future__ import annotations

import pytest

from eventstore_dev.template import Template
from tests.unit.deployment.templates import ROOT, properties

HERE = {"RedisUrl": "redis://127.0.0.1:1"}
JWT = {"Auth": "jwt", "JwtIssuer": "https://issuer", "JwtAudience": "hub"}
KEY = {"Auth": "key", "ApiKeysSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:keys"}


@pytest.mark.parametrize(
    ("given", "asked"),
    [({}, None), (JWT, "AuthorizerFunction"), (KEY, "AuthorizerFunction")],
    ids=["iam", "jwt", "key"],
)
def test_both_apis_ask_the_same(given: dict[str, str], asked: str | None) -> None:
    template = Template.read(ROOT / "template.yaml", parameters=HERE | given)
    assert template.apis["RestApi"].authorizer == asked
    assert template.websockets["WebSocketApi"].authorizer == asked
    assert ("AuthorizerFunction" in template.functions) is (asked is not None)


def test_without_more_said_iam_guards_both_apis() -> None:
    for path in properties("template", "RestApi")["DefinitionBody"]["paths"].values():
        (operation,) = path.values()
        assert operation["security"] == {"Fn::If": ["TokenAuth", [{"Token": []}], [{"Iam": []}]]}
    assert properties("template", "ConnectRoute")["AuthorizationType"] == {"Fn::If": ["TokenAuth", "CUSTOM", "AWS_IAM"]}
