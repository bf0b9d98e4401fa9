"""The built template is changed only where the endpoint does not support it, and each change is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from tests.e2e.adapting import Adapting

if TYPE_CHECKING:
    from pathlib import Path

_HERE = "http://127.0.0.1:4566"


def resources(**named: Any) -> dict[str, Any]:  # noqa: ANN401 - YAML is anything
    return {"Resources": named}


def adapted(template: dict[str, Any], *, whole: bool = False) -> tuple[dict[str, Any], set[str]]:
    """The adapted template, and the descriptions of its changes."""
    adapting = Adapting(_HERE, whole=whole)
    return adapting.template(template), adapting.changes


def test_supported_resources_are_unchanged() -> None:
    template = {"Parameters": {"P": {"Type": "String"}}} | resources(
        Queue={"Type": "AWS::SQS::Queue", "Condition": "C", "Properties": {"Delay": 1, "Policy": [{"Ref": "P"}]}}
    )
    assert adapted(template) == (template, set())


def test_a_resource_that_the_endpoint_does_not_know_is_left_out_and_named() -> None:
    template = resources(
        A={"Type": "AWS::ApiGatewayV2::RouteResponse", "Properties": {"RouteId": "r"}}, B={"Type": "AWS::SQS::Queue"}
    )
    left, [said] = adapted(template)
    assert list(left["Resources"]) == ["B"]
    assert "AWS::ApiGatewayV2::RouteResponse" in said


def test_addresses_of_apis_lead_to_the_endpoint() -> None:
    host = "${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
    template = resources() | {
        "Outputs": {"Rest": {"Fn::Sub": f"https://{host}/v1"}, "Ws": {"Fn::Sub": f"wss://{host}/ws"}}
    }
    result, said = adapted(template)
    assert result["Outputs"] == {
        "Rest": {"Fn::Sub": "http://127.0.0.1:4566/_aws/execute-api/${Api}/v1"},
        "Ws": {"Fn::Sub": "ws://127.0.0.1:4566/_aws/execute-api/${Api}/ws"},
    }
    assert said == {"addresses of APIs lead to http://127.0.0.1:4566"}


def test_any_method_is_every_method_but_those_that_have_their_own() -> None:
    paths = {"/": {"x-amazon-apigateway-any-method": {"a": 1}, "get": {"b": 2}}}
    result, _ = adapted({"Body": paths})
    assert result["Body"]["/"] == {
        **{key: {"a": 1} for key in ("post", "put", "patch", "delete", "head", "options")},
        "get": {"b": 2},
    }


def test_an_authorizer_keeps_the_identity_source_that_it_has() -> None:
    named = {"Type": "AWS::ApiGatewayV2::Authorizer", "Properties": {"IdentitySource": ["route.request.header.A"]}}
    nameless = {"Type": "AWS::ApiGatewayV2::Authorizer", "Properties": {"Name": "n"}}
    result, said = adapted(resources(A=named, B=nameless))
    assert result["Resources"]["A"] == named
    assert result["Resources"]["B"]["Properties"] == {"IdentitySource": [], "Name": "n"}
    assert len(said) == 1


def test_a_cluster_has_as_many_shards_as_the_endpoint_wants() -> None:
    cluster = {"Type": "AWS::ElastiCache::ReplicationGroup", "Properties": {"NumNodeGroups": {"Ref": "Shards"}}}
    result, [said] = adapted(resources(Cluster=cluster))
    assert result["Resources"]["Cluster"]["Properties"] == {"NumNodeGroups": 3}
    assert said.startswith("AWS::ElastiCache::ReplicationGroup gets {'NumNodeGroups': 3}: ")


def test_nested_templates_are_adapted_where_they_lie(tmp_path: Path) -> None:
    outer, inner = tmp_path / "template.yaml", tmp_path / "Inner" / "template.yaml"
    inner.parent.mkdir()
    inner.write_text(yaml.safe_dump(resources(A={"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": []}})))
    application = {"Type": "AWS::Serverless::Application", "Properties": {"Location": "Inner/template.yaml"}}
    outer.write_text(yaml.safe_dump(resources(Inner=application)))
    adapting = Adapting(_HERE)
    path = adapting.file(outer)
    location = yaml.safe_load(path.read_text())["Resources"]["Inner"]["Properties"]["Location"]
    assert yaml.safe_load((tmp_path / location).read_text()) == {"Resources": {}}
    assert len(adapting.changes) == 1


def test_an_endpoint_that_supports_everything_gets_the_whole_template() -> None:
    template = resources(
        A={"Type": "AWS::ApiGatewayV2::RouteResponse"}, B={"Type": "T", "Body": {"x-amazon-apigateway-any-method": {}}}
    )
    assert adapted(template, whole=True) == (template, set())
