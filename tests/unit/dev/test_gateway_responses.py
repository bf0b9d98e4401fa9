from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_dev.gateway_responses import Failure, GatewayResponse
from eventstore_dev.rest.answer import gateway_answer
from eventstore_dev.template import Template
from eventstore_dev.template_file import TemplateError
from functions.rest.problems import CODES, GATEWAY_CODES
from tests.unit.deployment.templates import ROOT, properties

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_dev.rest.answer import Answer

DENIED = Failure("ACCESS_DENIED", 403, "AccessDeniedException", 'not "yours"', member="Message")
BROKEN = Failure("AUTHORIZER_CONFIGURATION_ERROR", 500, "AuthorizerConfigurationException", None)


def answer(failure: Failure, **declared: Mapping[str, Any]) -> Answer:
    responses = {name: GatewayResponse.read(response, at=name) for name, response in declared.items()}
    return gateway_answer(failure, responses, sent={"x-name": "sent"}, request_id="r-1")


def test_an_answer_that_nobody_changed_is_the_gateways() -> None:
    unchanged = answer(DENIED)
    assert (unchanged.status, json.loads(unchanged.body)) == (403, {"Message": 'not "yours"'})
    assert unchanged.headers["Content-Type"] == "application/json"
    assert unchanged.headers["x-amzn-ErrorType"] == "AccessDeniedException"
    assert answer(BROKEN).body == b'{"message":null}'


def test_a_template_has_its_variables_replaced_and_nothing_else() -> None:
    template = (
        '{"said":$context.error.messageString,"bare":"$context.error.responseType","id":"$context.requestId",'
        '"other":"$context.stage #set($x = 1)"}'
    )
    changed = answer(DENIED, ACCESS_DENIED={"responseTemplates": {"application/json": template}})
    assert json.loads(changed.body) == {
        "said": 'not "yours"',
        "bare": "ACCESS_DENIED",
        "id": "r-1",
        "other": "$context.stage #set($x = 1)",
    }


def test_a_type_comes_before_the_default_of_its_class() -> None:
    default, own = {"statusCode": 400}, {"statusCode": "404"}
    assert answer(DENIED, DEFAULT_4XX=default).status == 400
    assert answer(DENIED, DEFAULT_4XX=default, ACCESS_DENIED=own).status == 404
    assert answer(BROKEN, DEFAULT_4XX=default).status == 500
    assert answer(BROKEN, DEFAULT_5XX={"statusCode": 503}).status == 503


def test_headers_are_constants_or_the_requests() -> None:
    parameters = {
        "gatewayresponse.header.X-Constant": "'text'",
        "gatewayresponse.header.X-Sent": "method.request.header.X-Name",
        "gatewayresponse.header.X-Absent": "method.request.header.X-Other",
        "gatewayresponse.header.Content-Type": "'application/problem+json'",
    }
    headers = answer(DENIED, ACCESS_DENIED={"responseParameters": parameters}).headers
    assert (headers["X-Constant"], headers["X-Sent"]) == ("text", "sent")
    assert "X-Absent" not in headers
    assert headers.getall("Content-Type") == ["application/problem+json"]


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        ({"responseParameters": {"gatewayresponse.header.A": "text"}}, "the local stack knows gatewayresponse.header"),
        ({"responseParameters": {"header.A": "'text'"}}, "the local stack knows gatewayresponse.header"),
        ({"responseTemplates": {"application/xml": "<a/>"}}, "responseTemplates has application/xml"),
    ],
)
def test_an_unsupported_gateway_response_is_reported(declared: Mapping[str, Any], complaint: str) -> None:
    with pytest.raises(TemplateError, match=complaint):
        GatewayResponse.read(declared, at="DENIED")


HERE = {"RedisUrl": "redis://127.0.0.1:1"}
KINDS = properties("template", "RestApi")["DefinitionBody"]["x-amazon-apigateway-gateway-responses"].keys()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_answer_of_the_templates_gateway_is_a_problem(kind: str) -> None:
    response = Template.read(ROOT / "template.yaml", parameters=HERE).apis["RestApi"].responses[kind]
    body = json.loads(response.body(Failure(kind, 400, "", 'a "reason"'), request_id="r-1"))
    assert body["code"] in GATEWAY_CODES <= set(CODES)
    assert body["type"] == f"urn:flunq:problem:{body['code']}"
    assert {"title", "detail", "request"} <= body.keys()
    assert ("status" in body) is not kind.startswith("DEFAULT_")
    assert response.headers_of({})["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("origins", "allowed"), [("", None), ("https://app.example", "*"), ("*", "*")])
def test_the_gateways_answers_are_readable_once_any_page_may_read(origins: str, allowed: str | None) -> None:
    template = Template.read(ROOT / "template.yaml", parameters=HERE | {"AllowedOrigins": origins})
    for response in template.apis["RestApi"].responses.values():
        assert response.headers_of({}).get("Access-Control-Allow-Origin") == allowed


@pytest.mark.parametrize(
    ("origins", "good"),
    [
        ("https://app.example,http://localhost:*,http://[::1]:*", True),
        ("null", True),
        ("app.example", False),
        ("https://app.example/path", False),
        ("https://a.example, https://b.example", False),
        ("*,https://a.example", False),
    ],
)
def test_the_parameter_takes_origins(origins: str, *, good: bool) -> None:
    parameters = HERE | {"AllowedOrigins": origins}
    if good:
        variables = dict(
            Template.read(ROOT / "template.yaml", parameters=parameters).functions["RestFunction"].environment
        )
        assert variables["ALLOWED_ORIGINS"] == origins
        return
    with pytest.raises(TemplateError, match="AllowedOrigins"):
        Template.read(ROOT / "template.yaml", parameters=parameters)
