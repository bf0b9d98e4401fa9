from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore_dev.template import Template, TemplateError
from eventstore_dev.websocket.declared import WebSocketApi, WebSocketRoute, route_id

if TYPE_CHECKING:
    from pathlib import Path

ROUTES = "{$connect: {FunctionArn: !GetAtt F.Arn}, sendMessage: {FunctionArn: !GetAtt F.Arn, IntegrationTimeout: 1500}}"
RESPONSE = """
  R:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref %s, RouteResponseKey: $default}
"""


def read(
    folder: Path,
    *,
    routes: str = ROUTES,
    expression: str = "$request.body.action",
    stage: str = "StageName: ws",
    function: str = "",
    more: str = "",
) -> Template:
    (folder / "code").mkdir(exist_ok=True)
    path = folder / "template.yaml"
    path.write_text(f"""
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: code, Handler: app.run, {function}}}
  Api:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: {expression!r}
      {stage}
      Routes: {routes}
{more}
""")
    return Template.read(path)


def select(expression: str, message: str, *, default: bool = True) -> str | None:
    names = tuple(expression.split("."))
    keys = ["$connect", "chat", *(["$default"] if default else [])]
    api = WebSocketApi("Api", "ws", names, {key: WebSocketRoute(key, "F") for key in keys})
    route = api.select(message)
    return route.key if route is not None else None


def test_routes_lead_to_functions(tmp_path: Path) -> None:
    api = read(tmp_path).websockets["Api"]
    assert (api.stage, api.selection) == ("ws", ("action",))
    assert api.routes == {
        "$connect": WebSocketRoute("$connect", "F"),
        "sendMessage": WebSocketRoute("sendMessage", "F", 1.5),
    }


def test_a_function_may_have_a_name_of_its_own(tmp_path: Path) -> None:
    arn = '"arn:aws:lambda:us-east-1:123456789012:function:own:live"'
    routes = f"{{a: {{FunctionArn: !GetAtt F.Arn}}, b: {{FunctionArn: {arn}}}}}"
    api = read(tmp_path, routes=routes, function="FunctionName: own").websockets["Api"]
    assert {route.function for route in api.routes.values()} == {"F"}


def test_a_stage_that_is_not_named_is_sams_default(tmp_path: Path) -> None:
    assert read(tmp_path, stage="").websockets["Api"].stage == "default"


def test_a_template_without_websocket_apis_has_none(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {}")
    assert Template.read(tmp_path / "template.yaml").websockets == {}


def test_routes_answer_that_have_a_route_response(tmp_path: Path) -> None:
    api = read(tmp_path, more=RESPONSE % "ApiSendmessageRoute").websockets["Api"]
    assert {key: route.answers for key, route in api.routes.items()} == {"$connect": False, "sendMessage": True}


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("$connect", "ApiConnectRoute"),
        ("$default", "ApiDefaultRoute"),
        ("subscribe", "ApiSubscribeRoute"),
        ("sendMessage", "ApiSendmessageRoute"),
    ],
)
def test_a_route_has_the_logical_id_that_sam_gives_it(key: str, name: str) -> None:
    assert route_id("Api", key) == name


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"routes": "{}"}, "Api has no Routes"),
        ({"routes": "{send-it: {FunctionArn: !GetAtt F.Arn}}"}, "the key 'send-it' must be letters and digits"),
        ({"routes": "{a: {FunctionArn: G}}"}, r"Api.Routes.a.FunctionArn leads to 'G'"),
        ({"routes": "{a: {}}"}, r"Api.Routes.a.FunctionArn leads to ''"),
        ({"routes": "{a: {FunctionArn: F, IntegrationTimeout: 29001}}"}, "it must be 50 to 29000 milliseconds"),
        ({"expression": "$request.header.action"}, "the local stack knows \\$request.body.NAME"),
        ({"stage": "StageName: $default"}, "cannot have"),
        ({"more": RESPONSE % "ApiNoneRoute"}, "!Ref ApiNoneRoute names no parameter and no resource"),
        ({"more": RESPONSE % "F"}, "R.RouteId is 'F', which is no route of Api; those are ApiConnectRoute"),
        ({"more": (RESPONSE % "ApiConnectRoute").replace("$default", "other")}, "R.RouteResponseKey must be"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path: Path, changes: dict[str, str], complaint: str) -> None:
    with pytest.raises(TemplateError, match=complaint):
        read(tmp_path, **changes)


def test_two_apis_cannot_share_a_stage(tmp_path: Path) -> None:
    other = f"""
  Other:
    Type: AWS::Serverless::WebSocketApi
    Properties: {{StageName: ws, RouteSelectionExpression: $request.body.a, Routes: {ROUTES}}}
"""
    with pytest.raises(TemplateError, match="Api and Other have the same StageName, ws"):
        read(tmp_path, more=other)


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("$request.body.action", ("action",)),
        ("${request.body.action}", ("action",)),
        ("$request.body.a.b-c.d_e", ("a", "b-c", "d_e")),
    ],
)
def test_a_selection_expression_may_be_a_path(tmp_path: Path, expression: str, names: tuple[str, ...]) -> None:
    assert read(tmp_path, expression=expression).websockets["Api"].selection == names


@pytest.mark.parametrize(
    ("expression", "message", "key"),
    [
        ("action", '{"action":"chat"}', "chat"),
        ("a.b", '{"a":{"b":"chat"}}', "chat"),
        ("a.b", '{"a":"chat"}', "$default"),
        ("action", '{"action":"other"}', "$default"),
        ("action", '{"action":["chat"]}', "$default"),
        ("action", '{"action":"$connect"}', "$default"),
        ("action", '["chat"]', "$default"),
        ("action", "chat", "$default"),
        ("action", "", "$default"),
        pytest.param("action", "[" * 100_000, "$default", id="deep"),
    ],
)
def test_a_message_selects_its_route(expression: str, message: str, key: str) -> None:
    assert select(expression, message) == key


def test_a_message_may_match_no_route() -> None:
    assert select("action", '{"action":"other"}', default=False) is None
