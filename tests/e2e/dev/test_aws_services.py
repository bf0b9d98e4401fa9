"""Signed and unsigned calls of AWS clients for services that the stack does not emulate."""

from __future__ import annotations

import io
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import urllib3
from botocore import UNSIGNED
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from eventstore_dev.running import running
from eventstore_dev.terminal import Terminal
from tests.e2e.dev.conftest import LIMITS, TEMPLATE, Running

if TYPE_CHECKING:
    from collections.abc import Iterator

GREEDY = TEMPLATE.parent / "greedy.yaml"
_KEYS = Credentials("any", "any")
AWS_JSON, FORM = "application/x-amz-json-1.0", "application/x-www-form-urlencoded"
TARGET = {"X-Amz-Target": "DynamoDB_20120810.ListTables"}
TOPIC = b"Action=CreateTopic&Name=news&Version=2010-03-31"


@pytest.fixture(scope="module")
def dev() -> Iterator[Running]:
    written = io.StringIO()
    with (
        running(GREEDY, limits=LIMITS, terminal=Terminal(stream=written, verbose=True)) as stack,
        urllib3.PoolManager(retries=False) as http,
    ):
        yield Running(stack, written, http)


def client(dev: Running, service: str, *, host: str = "127.0.0.1", **options: Any) -> Any:  # noqa: ANN401 - boto3's own
    return boto3.client(
        service,
        endpoint_url=dev.stack.url.replace("127.0.0.1", host),
        region_name="eu-west-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",  # noqa: S106 - nothing checks it
        config=Config(retries={"total_max_attempts": 1}, **options),
    )


def unsigned(dev: Running, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes
    return client(dev, service, signature_version=UNSIGNED)


@contextmanager
def no_function_runs(dev: Running) -> Iterator[None]:
    before = dev.written.getvalue().count("START")
    yield
    assert dev.written.getvalue().count("START") == before


def test_an_unsigned_request_reaches_the_route(dev: Running) -> None:
    assert dev.call("POST", "/", body=b"{}").json()["httpMethod"] == "POST"


def test_requests_for_dynamodb_go_to_moto(dev: Running) -> None:
    table, name = client(dev, "dynamodb"), uuid.uuid4().hex
    with no_function_runs(dev):
        table.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        table.put_item(TableName=name, Item={"id": {"S": "1"}, "what": {"S": "kept"}})
        item = table.get_item(TableName=name, Key={"id": {"S": "1"}})["Item"]
    assert item["what"] == {"S": "kept"}


def test_an_item_for_an_unknown_table_is_refused_by_moto(dev: Running) -> None:
    with no_function_runs(dev), pytest.raises(ClientError, match="ResourceNotFoundException"):
        client(dev, "dynamodb").put_item(TableName="nowhere", Item={"id": {"S": "1"}})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_requests_for_s3_go_to_moto(dev: Running, host: str) -> None:
    s3, bucket, content = client(dev, "s3", host=host), uuid.uuid4().hex, bytes(range(256))
    with no_function_runs(dev):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket=bucket, Key="a folder/ä", Body=content)
        assert s3.get_object(Bucket=bucket, Key="a folder/ä")["Body"].read() == content


def test_a_service_whose_host_differs_from_its_signing_name_goes_to_moto(dev: Running) -> None:
    with no_function_runs(dev):
        assert client(dev, "sagemaker").list_models()["Models"] == []
        assert client(dev, "dynamodbstreams").list_streams()["Streams"] == []


def test_a_bucket_in_the_host_name_goes_to_moto(dev: Running) -> None:
    s3, bucket = client(dev, "s3"), uuid.uuid4().hex
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=bucket, Key="key", Body=b"content")
    port = dev.stack.url.rpartition(":")[2]
    signed = AWSRequest(
        "GET", f"http://{bucket}.localhost:{port}/key", headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    )
    SigV4Auth(_KEYS, "s3", "eu-west-1").add_auth(signed)
    headers = {**dict(signed.headers.items()), "Host": f"{bucket}.localhost:{port}"}
    with no_function_runs(dev):
        assert dev.call("GET", "/key", headers=headers).data == b"content"


def test_requests_with_form_parameters_go_to_moto(dev: Running) -> None:
    with no_function_runs(dev):
        topic = client(dev, "sns").create_topic(Name="news")["TopicArn"]
    assert topic == "arn:aws:sns:eu-west-1:123456789012:news"


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("translate", "list_languages", {}),
        ("autoscaling-plans", "describe_scaling_plans", {}),
        ("cloudsearch", "list_domain_names", {}),
    ],
)
def test_a_service_that_moto_does_not_have_is_refused_by_name(
    dev: Running, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    with no_function_runs(dev), pytest.raises(ClientError) as refused:
        getattr(client(dev, service), operation)(**parameters)
    error = refused.value.response["Error"]
    assert error["Code"] == "UnsupportedOperation"
    assert error["Message"].startswith(f"{service} (")
    assert f"501: {service} (" in dev.written.getvalue()


def test_an_operation_that_moto_does_not_have_is_refused_by_name(dev: Running) -> None:
    with no_function_runs(dev), pytest.raises(ClientError, match=r"dynamodb \(DynamoDB_20120810\.ListGlobalTables\)"):
        client(dev, "dynamodb").list_global_tables()


def test_only_invoke_of_lambda_is_supported(dev: Running) -> None:
    with no_function_runs(dev), pytest.raises(ClientError, match="Of the Lambda API only Invoke is here"):
        client(dev, "lambda").list_layers()


def test_sqs_without_a_target_is_refused(dev: Running) -> None:
    signed = AWSRequest("POST", dev.stack.url, data="Action=ListQueues&Version=2012-11-05")
    SigV4Auth(_KEYS, "sqs", "eu-west-1").add_auth(signed)
    with no_function_runs(dev):
        answer = dev.call("POST", "/", body=b"Action=ListQueues", headers=dict(signed.headers.items()))
    assert answer.status == 400
    assert "SQS API over JSON alone" in answer.json()["message"]


def test_requests_signed_in_the_query_go_to_moto(dev: Running) -> None:
    signed = AWSRequest("GET", f"{dev.stack.url}/bucket/key")
    SigV4QueryAuth(_KEYS, "s3", "eu-west-1").add_auth(signed)
    with no_function_runs(dev):
        assert dev.call("GET", str(signed.url).removeprefix(dev.stack.url)).status == 404


@pytest.mark.parametrize("auth", [SigV4Auth, SigV4QueryAuth])
def test_a_request_that_is_signed_for_the_api_reaches_its_route(dev: Running, auth: Any) -> None:  # noqa: ANN401
    signed = AWSRequest("GET", f"{dev.stack.url}/items")
    auth(_KEYS, "execute-api", "eu-west-1").add_auth(signed)
    path = str(signed.url).removeprefix(dev.stack.url)
    assert dev.call("GET", path, headers=dict(signed.headers.items())).json()["path"] == "/items"


@pytest.mark.parametrize("credential", ["AWS4-HMAC-SHA256 Credential=a/b", "Bearer AWS4-HMAC", "AWS4-HMAC-SHA256"])
def test_an_authorization_header_without_a_signature_reaches_the_route(dev: Running, credential: str) -> None:
    assert dev.call("GET", "/items", headers={"Authorization": credential}).json()["path"] == "/items"


def test_services_at_another_endpoint_are_not_served(dev: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with no_function_runs(dev), pytest.raises(ClientError, match=r"dynamodb .*AWS_ENDPOINT_URL, http://127\.0\.0\.1:1"):
        client(dev, "dynamodb").list_tables()


@pytest.mark.parametrize("service", ["dynamodb", "kms"])
def test_an_unsigned_call_over_json_goes_to_moto(dev: Running, service: str) -> None:
    operation = {"dynamodb": "list_tables", "kms": "list_keys"}[service]
    with no_function_runs(dev):
        assert getattr(unsigned(dev, service), operation)()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_an_unsigned_form_gets_credentials_from_sts(dev: Running) -> None:
    role = "arn:aws:iam::123456789012:role/reader"
    with no_function_runs(dev):
        answer = unsigned(dev, "sts").assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="session", WebIdentityToken="a-token"
        )
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/reader/session"


def test_an_unsigned_call_of_a_service_that_moto_does_not_have_is_refused_by_name(dev: Running) -> None:
    with no_function_runs(dev), pytest.raises(ClientError, match=r"translate \(AWSShine.*\.ListLanguages\)"):
        unsigned(dev, "translate").list_languages()


def test_an_unsigned_call_of_a_service_that_botocore_does_not_know_is_refused_by_its_target(dev: Running) -> None:
    headers = {"X-Amz-Target": "Unheard_20300101.Do", "Content-Type": "application/x-amz-json-1.1"}
    with no_function_runs(dev):
        refused = dev.call("POST", "/", body=b"{}", headers=headers)
    assert refused.status == 501
    assert refused.json()["message"].startswith("unheard_20300101 (Unheard_20300101.Do): the local stack has no such")


def test_an_unsigned_call_needs_no_content_type_where_its_target_is_known(dev: Running) -> None:
    headers = {"X-Amz-Target": "DynamoDB_20120810.ListTables"}
    with no_function_runs(dev):
        assert "TableNames" in dev.call("POST", "/", body=b"{}", headers=headers).json()


@pytest.mark.parametrize("path", ["/", "/123456789012/orders"])
def test_an_unsigned_form_for_sqs_is_refused(dev: Running, path: str) -> None:
    form = b"Action=SendMessage&MessageBody=a&Version=2012-11-05"
    with no_function_runs(dev):
        refused = dev.call("POST", path, body=form, headers={"Content-Type": FORM})
    assert refused.status == 400
    assert "SQS API over JSON alone" in refused.json()["message"]


def test_unsigned_calls_of_services_at_another_endpoint_are_not_answered(
    dev: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with no_function_runs(dev), pytest.raises(ClientError, match=r"kms .*AWS_ENDPOINT_URL, http://127\.0\.0\.1:1"):
        unsigned(dev, "kms").list_keys()


def test_a_page_of_another_origin_calls_no_service_by_a_form(dev: Running) -> None:
    headers = {"Content-Type": FORM, "Origin": "https://elsewhere.example"}
    with no_function_runs(dev):
        assert dev.call("POST", "/", body=TOPIC, headers=headers).status == 403


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/", b"{}", {"X-Amz-Target": "Own.Word", "Content-Type": "application/json"}),
        ("/", b"{}", {"X-Amz-Target": "hello", "Content-Type": AWS_JSON}),
        ("/", b"{}", {"X-Amz-Target": "no operation.of ours", "Content-Type": AWS_JSON}),
        ("/items", b"{}", {**TARGET, "Content-Type": AWS_JSON}),
        ("/123456789012/items", b"{}", {**TARGET, "Content-Type": AWS_JSON}),
        ("/", b"{}", {"Content-Type": AWS_JSON}),
        ("/items", TOPIC, {"Content-Type": FORM}),
        ("/", TOPIC, {"Content-Type": "text/plain"}),
        ("/", b"", {"Content-Type": FORM}),
        ("/", b"Action=CreateTopic&Name=a", {"Content-Type": FORM}),
        ("/", b"Action=Subscribe&Version=2", {"Content-Type": FORM}),
        ("/", b"Action=Cancel&Version=2010-03-31", {"Content-Type": FORM}),
        ("/", TOPIC + b"&Action=CreateTopic", {"Content-Type": FORM}),
        ("/", b"\xff=Action=&\x00", {"Content-Type": FORM}),
    ],
)
def test_a_request_that_names_no_operation_of_aws_reaches_the_route_unchanged(
    dev: Running, path: str, body: bytes, headers: dict[str, str]
) -> None:
    event = dev.call("POST", path, body=body, headers=headers).json()
    assert event["path"] == path
    assert (event["body"] or "").encode() == body.decode(errors="replace").encode()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"specversion":"1.0"}', {**TARGET, "Content-Type": "application/cloudevents+json"}),
        (b"[]", {**TARGET, "Content-Type": "application/cloudevents-batch+json; charset=utf-8"}),
        (b"{}", {**TARGET, "Content-Type": AWS_JSON, "ce-specversion": "1.0", "ce-id": "1"}),
        (TOPIC, {"Content-Type": FORM, "ce-specversion": "1.0", "ce-id": "1"}),
    ],
)
def test_an_event_reaches_the_route_whatever_it_holds(dev: Running, body: bytes, headers: dict[str, str]) -> None:
    assert dev.call("POST", "/", body=body, headers=headers).json()["body"] == body.decode()


def test_a_form_of_unknown_size_reaches_the_route(dev: Running) -> None:
    answer = dev.http.request("POST", dev.stack.url, body=iter([TOPIC]), headers={"Content-Type": FORM}, chunked=True)
    assert answer.json()["body"] == TOPIC.decode()


def test_a_call_that_is_signed_for_the_api_reaches_its_route_whatever_its_target(dev: Running) -> None:
    signed = AWSRequest("POST", f"{dev.stack.url}/", data=b"{}", headers={**TARGET, "Content-Type": AWS_JSON})
    SigV4Auth(_KEYS, "execute-api", "eu-west-1").add_auth(signed)
    assert dev.call("POST", "/", body=b"{}", headers=dict(signed.headers.items())).json()["path"] == "/"
