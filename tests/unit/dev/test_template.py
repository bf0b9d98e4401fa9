from __future__ import annotations

from pathlib import Path

import pytest

from eventstore_dev.rest_apis import Identity
from eventstore_dev.template import RestApi, Route, Template, TemplateError

OWN = Path(__file__).parents[3] / "template.yaml"
FUNCTION = "Type: AWS::Serverless::Function"


def read(folder: Path, text: str) -> Template:
    (folder / "code").mkdir(exist_ok=True)
    path = folder / "template.yaml"
    path.write_text(text)
    return Template.read(path)


def function(properties: str, more: str = "") -> str:
    return (
        f"{more}\nResources:\n  F:\n    {FUNCTION}\n    Properties: {{CodeUri: code, Handler: app.run, {properties}}}\n"
    )


def test_the_template_of_the_project_is_supported() -> None:
    template = Template.read(OWN, parameters={"RedisUrl": "redis://127.0.0.1:1"})
    rest = template.functions["RestFunction"]
    assert dict(rest.environment)["REDIS_URL"] == "redis://127.0.0.1:1"
    assert rest.layers == (OWN.parent / "layers" / "eventstore",)
    assert Route("ANY", "/{proxy+}", "RestFunction") in template.apis["RestApi"].routes
    assert template.websockets["WebSocketApi"].routes["subscribe"].answers


def test_unset_properties_have_the_defaults_of_lambda(tmp_path: Path) -> None:
    parsed = read(tmp_path, function("")).functions["F"]
    assert (parsed.name, parsed.timeout, parsed.memory, parsed.concurrency) == ("F", 3, 128, None)


def test_globals_are_merged_by_key_and_lists_are_joined(tmp_path: Path) -> None:
    general = """
Globals:
  Function:
    Timeout: 7
    Layers: [!Ref One]
    Environment: {Variables: {A: general, B: general}}
"""
    layers = "".join(
        f"  {name}: {{Type: AWS::Serverless::LayerVersion, Properties: {{ContentUri: {name}}}}}\n"
        for name in ("One", "Two")
    )
    for name in ("One", "Two"):
        (tmp_path / name).mkdir()
    own = "Layers: [!Ref Two], Environment: {Variables: {B: own, C: true}}"
    parsed = read(tmp_path, function(own, general) + layers).functions["F"]
    assert parsed.timeout == 7
    assert dict(parsed.environment) == {"A": "general", "B": "own", "C": "true"}
    assert [layer.name for layer in parsed.layers] == ["One", "Two"]


def test_a_route_without_an_api_belongs_to_sams_own(tmp_path: Path) -> None:
    template = read(tmp_path, function("Events: {E: {Type: Api, Properties: {Method: get, Path: /a}}}"))
    assert template.apis == {"ServerlessRestApi": RestApi("ServerlessRestApi", "Prod", (), (Route("GET", "/a", "F"),))}


def test_other_kinds_of_events_are_left_alone(tmp_path: Path) -> None:
    events = "Events: {E: {Type: S3, Properties: {Bucket: !GetAtt Nowhere.Arn}}}"
    assert read(tmp_path, function(events)).apis == {}


def test_binary_media_types_may_be_written_with_a_tilde(tmp_path: Path) -> None:
    api = "  A: {Type: AWS::Serverless::Api, Properties: {StageName: s, BinaryMediaTypes: ['image~1png']}}"
    assert read(tmp_path, function("") + api).apis["A"].binary_media_types == ("image/png",)


def test_the_sources_are_the_handlers_package_and_the_layers(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    path = tmp_path / "template.yaml"
    path.write_text(function("").replace("app.run", "orders.api.app.run"))
    assert Template.read(path).functions["F"].sources == (tmp_path / "code" / "orders" / "api",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"Resources: {{F: {{{FUNCTION}, Properties: {{CodeUri: code}}}}}}", "The function F has no Handler"),
        (f"Resources: {{F: {{{FUNCTION}, Properties: {{Handler: a.b}}}}}}", "The function F has no CodeUri"),
        (function("").replace("app.run", "run"), "F.Handler is 'run'; it must be module.function"),
        (function("").replace("code", "nowhere"), "F.CodeUri: there is no folder .*nowhere"),
        (function("").replace("code", "s3://a/b"), "F.CodeUri is 's3://a/b'; it must be a folder"),
        (function("Layers: [Other]"), "F.Layers names Other, which is no layer of this template"),
        (function("Events: {E: {Type: Api, Properties: {Method: get}}}"), "F.Events.E has no Path"),
        (function("Events: {E: {Type: Api, Properties: {Method: take, Path: /}}}"), "the method TAKE is none of"),
        (function("Events: {E: {Type: Api, Properties: {Method: get, Path: a}}}"), "the path 'a' must start with /"),
        (
            function("Events: {E: {Type: Api, Properties: {Method: get, Path: /, RestApiId: Other}}}"),
            "RestApiId names Other",
        ),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(TemplateError, match=complaint):
        read(tmp_path, text)


DEFINED = """
  A:
    Type: AWS::Serverless::Api
    Properties:
      StageName: s
      DefinitionBody:
        openapi: 3.0.1
        paths:
          /{proxy+}:
            x-amazon-apigateway-any-method:
              security: [{Token: []}]
              x-amazon-apigateway-integration:
                type: aws_proxy
                uri: !Sub "arn:aws:apigateway:r:lambda:path/2015-03-31/functions/${F.Arn}:live/invocations"
          /own:
            get:
              security: [{Token: []}]
              x-amazon-apigateway-integration:
                type: aws_proxy
                uri: !Sub "arn:aws:apigateway:r:lambda:path/2015-03-31/functions/${F.Arn}/invocations"
        components:
          securitySchemes:
            Token:
              x-amazon-apigateway-authorizer:
                authorizerUri: !Sub "arn:aws:apigateway:r:lambda:path/2015-03-31/functions/${F.Arn}:live/invocations"
"""


def test_a_definition_has_its_routes_and_their_authorizers(tmp_path: Path) -> None:
    api = read(tmp_path, function("") + DEFINED).apis["A"]
    assert api.routes == (Route("ANY", "/{proxy+}", "F", "F"), Route("GET", "/own", "F", "F"))
    assert api.authorizer == "F"


def test_an_operation_without_security_asks_nobody(tmp_path: Path) -> None:
    opened = DEFINED.replace("get:\n              security: [{Token: []}]", "get:")
    api = read(tmp_path, function("") + opened).apis["A"]
    assert [route.authorizer for route in api.routes] == ["F", None]
    assert api.authorizer == "F"


def test_all_operations_must_have_the_same_authorizer(tmp_path: Path) -> None:
    scheme = DEFINED[DEFINED.index("            Token:\n") :]
    other = scheme.replace("Token:", "Other:").replace("${F.Arn}", "${G.Arn}")
    two = (
        DEFINED.replace("get:\n              security: [{Token: []}]", "get:\n              security: [{Other: []}]")
        + other
    )
    functions = function("") + function("").partition("Resources:")[2].replace("  F:", "  G:")
    with pytest.raises(TemplateError, match="all operations of an API that have an authorizer must have the same one"):
        read(tmp_path, functions + two)


def test_a_security_scheme_without_a_function_asks_none(tmp_path: Path) -> None:
    scheme = DEFINED[DEFINED.index("x-amazon-apigateway-authorizer:") :]
    iam = DEFINED.replace(scheme, "x-amazon-apigateway-authtype: awsSigv4\n")
    assert read(tmp_path, function("") + iam).apis["A"].authorizer is None


def test_a_property_that_a_condition_takes_away_is_not_there(tmp_path: Path) -> None:
    conditions = "Conditions: {Never: !Equals [a, b]}"
    limit = "ReservedConcurrentExecutions: !If [Never, 5, !Ref AWS::NoValue]"
    assert read(tmp_path, function(limit, conditions)).functions["F"].concurrency is None


@pytest.mark.parametrize(
    ("there", "wrong", "complaint"),
    [
        ("${F.Arn}:live", "Nobody", "leads to 'arn:.*Nobody.*', which is no function of this template"),
        ("aws_proxy", "http", "needs an x-amazon-apigateway-integration of the type aws_proxy"),
        ("[{Token: []}]", "[{Other: []}]", "security names Other, which is none of its securitySchemes"),
    ],
)
def test_a_fault_of_a_definition_is_named_with_its_place(
    tmp_path: Path, there: str, wrong: str, complaint: str
) -> None:
    with pytest.raises(TemplateError, match=f"A.DefinitionBody: .*{complaint}"):
        read(tmp_path, function("") + DEFINED.replace(there, wrong, 1))


def identified(identity: str) -> str:
    uri = 'authorizerUri: !Sub "arn:aws:apigateway:r:lambda:path/2015-03-31/functions/${F.Arn}:live/invocations"'
    return function("") + DEFINED.replace(uri, f"{uri}\n                {identity}")


def test_the_answers_of_an_authorizer_are_cached_for_five_minutes_by_default(tmp_path: Path) -> None:
    source = "method.request.header.Authorization"
    assert read(tmp_path, identified(f"identitySource: {source}")).apis["A"].identity == Identity((source,), 300)


def test_an_authorizer_configures_how_long_its_answers_are_cached(tmp_path: Path) -> None:
    identity = read(tmp_path, identified("authorizerResultTtlInSeconds: 0")).apis["A"].identity
    assert identity == Identity((), 0)


def test_an_unsupported_identity_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"identitySource has context\.identity\.sourceIp"):
        read(tmp_path, identified("identitySource: context.identity.sourceIp"))


def test_variables_of_the_developer_override_the_templates(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    (tmp_path / "code").mkdir()
    path.write_text(function("Environment: {Variables: {A: template, B: template}}"))
    environment = Template.read(path, variables={"A": "own", "C": "own"}).functions["F"].environment
    assert dict(environment) == {"A": "own", "B": "template", "C": "own"}
