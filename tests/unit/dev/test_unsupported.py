from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore_dev.template import Template
from eventstore_dev.unsupported import Kind, UnsupportedError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """
Parameters:
  Guarded: {Type: String, Default: "yes"}
Conditions:
  IsGuarded: !Equals [!Ref Guarded, "yes"]
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: code, Handler: app.run}
"""
FUNCTION = "  G: {Type: AWS::Serverless::Function, Properties: {CodeUri: code, Handler: app.run, %s}}\n"
API = "  A: {Type: AWS::Serverless::Api, Properties: {StageName: s, %s}}\n"
URI = '"arn:aws:apigateway:r:lambda:path/2015-03-31/functions/arn:aws:lambda:r:1:function:F/invocations"'
REQUEST = f"x-amazon-apigateway-authorizer: {{type: request, authorizerUri: {URI}}}"
COGNITO = "x-amazon-apigateway-authorizer: {type: cognito_user_pools, providerARNs: []}"
BUCKET = "  B: {Type: AWS::S3::Bucket, Properties: {NotificationConfiguration: {}}}\n"
SCHEME = "A.DefinitionBody.securitySchemes.Scheme"
CALLERS = ("AWS::Serverless::HttpApi", "AWS::Lambda::Function", "AWS::Events::Rule", "AWS::SNS::Subscription")
DEFINED = """
  A:
    Type: AWS::Serverless::Api
    Properties:
      StageName: s
      DefinitionBody:
        %s
        paths:
          /:
            get:
              security: [{Scheme: []}]
              x-amazon-apigateway-integration: {type: aws_proxy, uri: URI}
        components: {securitySchemes: {Scheme: {type: apiKey, name: x-api-key, in: header, %s}}}
""".replace("URI", URI)
SOCKET = """
  W:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      %s
      Routes: {$connect: {FunctionArn: !GetAtt F.Arn, %s}}
"""
PLAIN = "  P: {Type: AWS::ApiGatewayV2::%s, Properties: {%s}}\n"


def unsupported_in(folder: Path, more: str) -> dict[str, Kind]:
    (folder / "code").mkdir(exist_ok=True)
    path = folder / "template.yaml"
    path.write_text(HEAD + more)
    return {finding.at: finding.kind for finding in Template.read(path).unsupported}


@pytest.mark.parametrize(
    ("more", "at", "kind"),
    [
        (FUNCTION % "Runtime: java21", "G.Runtime", Kind.RUNTIMES),
        (FUNCTION % "PackageType: Image", "G.PackageType", Kind.RUNTIMES),
        (FUNCTION % "FunctionUrlConfig: {AuthType: NONE}", "G.FunctionUrlConfig", Kind.EVENTS),
        *(
            (FUNCTION % f"Events: {{E: {{Type: {source}}}}}", "G.Events.E", Kind.EVENTS)
            for source in ("HttpApi", "SNS", "DynamoDB", "Kinesis", "S3", "EventBridgeRule", "CloudWatchEvent", "MSK")
        ),
        (API % "Auth: {ApiKeyRequired: true}", "A.Auth.ApiKeyRequired", Kind.AUTH),
        (API % "Auth: {DefaultAuthorizer: AWS_IAM}", "A.Auth.DefaultAuthorizer", Kind.AUTH),
        (API % "Auth: {ResourcePolicy: {IpRangeWhitelist: ['10.0.0.0/8']}}", "A.Auth.ResourcePolicy", Kind.AUTH),
        (API % "Auth: !If [IsGuarded, {ApiKeyRequired: true}, !Ref AWS::NoValue]", "A.Auth.ApiKeyRequired", Kind.AUTH),
        (API % "DefinitionUri: api.yaml", "A.DefinitionUri", Kind.EVENTS),
        (
            DEFINED % ("x-amazon-apigateway-policy: {Statement: []}", REQUEST),
            "A.DefinitionBody.x-amazon-apigateway-policy",
            Kind.AUTH,
        ),
        (DEFINED % ("openapi: 3.0.1", "description: a key"), SCHEME, Kind.AUTH),
        (
            DEFINED % ("openapi: 3.0.1", COGNITO),
            SCHEME,
            Kind.AUTH,
        ),
        (
            DEFINED % ("security: [{Scheme: []}]", REQUEST),
            "A.DefinitionBody.security",
            Kind.AUTH,
        ),
        (SOCKET % ("Auth: {AuthType: AWS_IAM}", ""), "W.Auth", Kind.AUTH),
        (SOCKET % ("", "ApiKeyRequired: true"), "W.Routes.$connect.ApiKeyRequired", Kind.AUTH),
        (PLAIN % ("Api", "ProtocolType: HTTP"), "P", Kind.EVENTS),
        (PLAIN % ("Integration", "IntegrationType: MOCK"), "P.IntegrationType", Kind.EVENTS),
        (PLAIN % ("Route", "AuthorizationType: AWS_IAM"), "P.AuthorizationType", Kind.AUTH),
        (PLAIN % ("Route", "ApiKeyRequired: true"), "P.ApiKeyRequired", Kind.AUTH),
        (BUCKET, "B.NotificationConfiguration", Kind.EVENTS),
        *((f"  R: {{Type: {caller}}}\n", "R", Kind.EVENTS) for caller in CALLERS),
    ],
)
def test_an_unsupported_resource_is_reported_with_its_place(tmp_path: Path, more: str, at: str, kind: Kind) -> None:
    assert unsupported_in(tmp_path, more) == {at: kind}


@pytest.mark.parametrize(
    "more",
    [
        "",
        FUNCTION % "Runtime: python3.13, PackageType: Zip",
        FUNCTION % "Runtime: !Ref AWS::NoValue",
        API % "Auth: {AddDefaultAuthorizerToCorsPreflight: false, ApiKeyRequired: false, DefaultAuthorizer: NONE}",
        API % "Auth: !If [IsGuarded, !Ref AWS::NoValue, {ApiKeyRequired: true}]",
        DEFINED % ("openapi: 3.0.1", REQUEST),
        SOCKET % ("Auth: {AuthType: NONE}", "ApiKeyRequired: false"),
        "  B: {Type: AWS::S3::Bucket}\n",
        "  T: {Type: AWS::SNS::Topic}\n",
    ],
)
def test_a_supported_template_is_read(tmp_path: Path, more: str) -> None:
    assert unsupported_in(tmp_path, more) == {}


def test_filter_criteria_are_reported(tmp_path: Path) -> None:
    events = "Events: {E: {Type: SQS, Properties: {Queue: !GetAtt Q.Arn, FilterCriteria: {Filters: []}}}}"
    queue = "  Q: {Type: AWS::SQS::Queue}\n"
    assert unsupported_in(tmp_path, queue + FUNCTION % events) == {"G.Events.E.FilterCriteria": Kind.EVENTS}


def test_globals_count_too(tmp_path: Path) -> None:
    general = "Globals: {Function: {Runtime: nodejs22.x}, Api: {Auth: {ApiKeyRequired: true}}}\n"
    (tmp_path / "code").mkdir()
    (tmp_path / "template.yaml").write_text(general + HEAD + API % "Name: a")
    places = {finding.at for finding in Template.read(tmp_path / "template.yaml").unsupported}
    assert places == {"F.Runtime", "A.Auth.ApiKeyRequired"}


def test_an_unsupported_template_is_refused_unless_allowed(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    path = tmp_path / "template.yaml"
    path.write_text(HEAD + FUNCTION % "Runtime: java21" + API % "Auth: {ApiKeyRequired: true}")
    with pytest.raises(UnsupportedError, match="--allow-unsupported runtimes,") as refused:
        Template.read(path, allowed={Kind.AUTH})
    assert "A.Auth" not in str(refused.value)
    assert set(Template.read(path, allowed=set(Kind)).functions) == {"F"}
