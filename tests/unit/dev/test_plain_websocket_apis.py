from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore_dev.template import Template, TemplateError
from eventstore_dev.websocket.declared import WebSocketRoute

if TYPE_CHECKING:
    from pathlib import Path

    from eventstore_dev.websocket.declared import WebSocketApi

PLAIN = """
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: code, Handler: app.run}
  Guard:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: code, Handler: app.run}
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
  Other:
    Type: AWS::ApiGatewayV2::Api
    Properties: {ProtocolType: HTTP}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: ws}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationUri: !Sub "arn:aws:apigateway:r:lambda:path/2015-03-31/functions/${F.Arn}:live/invocations"
      TimeoutInMillis: 1500
  Authorizer:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      AuthorizerUri: !Sub "arn:aws:apigateway:r:lambda:path/2015-03-31/functions/${Guard.Arn}:live/invocations"
  Connect:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: $connect
      AuthorizationType: CUSTOM
      AuthorizerId: !Ref Authorizer
      Target: !Sub "integrations/${Integration}"
  Publish:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: publish, Target: !Sub "integrations/${Integration}"}
  PublishResponse:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref Publish, RouteResponseKey: $default}
"""


def read(folder: Path, text: str) -> WebSocketApi:
    (folder / "code").mkdir()
    path = folder / "template.yaml"
    path.write_text(text)
    apis = Template.read(path).websockets
    assert list(apis) == ["Api"]
    return apis["Api"]


def test_an_api_is_put_together_of_its_pieces(tmp_path: Path) -> None:
    api = read(tmp_path, PLAIN)
    assert (api.stage, api.selection) == ("ws", ("action",))
    assert api.routes == {
        "$connect": WebSocketRoute("$connect", "F", 1.5),
        "publish": WebSocketRoute("publish", "F", 1.5, answers=True),
    }


def test_the_authorizer_decides_on_connections(tmp_path: Path) -> None:
    assert read(tmp_path, PLAIN).authorizer == "Guard"


def test_a_route_with_iam_authorization_calls_no_function(tmp_path: Path) -> None:
    iam = PLAIN.replace("AuthorizationType: CUSTOM\n      AuthorizerId: !Ref Authorizer", "AuthorizationType: AWS_IAM")
    assert read(tmp_path, iam).authorizer is None


@pytest.mark.parametrize(
    ("there", "wrong", "complaint"),
    [
        (
            "Properties: {ApiId: !Ref Api, StageName: ws}",
            "Properties: {ApiId: !Ref Other, StageName: ws}",
            "no .*Stage",
        ),
        ("integrations/${Integration}", "integrations/${Nobody}", "Nobody names no parameter and no resource"),
        ("integrations/${Integration}", "integrations/mine", "Target is .*; it must be integrations/NAME"),
        ("!Ref Authorizer", "mine", "has the authorizer mine, which is not here"),
        ("${F.Arn}:live", "arn:aws:lambda:r:1:function:Nobody", "leads to 'Nobody', which is no function"),
        ("1500", "10", "TimeoutInMillis is 10; it must be 50 to 29000"),
        ("RouteId: !Ref Publish", "RouteId: mine", "'mine', which is no route of Api; those are Connect, Publish"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path: Path, there: str, wrong: str, complaint: str) -> None:
    with pytest.raises(TemplateError, match=complaint):
        read(tmp_path, PLAIN.replace(there, wrong, 1))
