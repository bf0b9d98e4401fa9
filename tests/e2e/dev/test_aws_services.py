"""Signed calls of AWS clients for services that the stack does not emulate."""

from __future__ import annotations

import io
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import urllib3
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from eventstore_dev.stack import running
from eventstore_dev.terminal import Terminal
from tests.e2e.dev.conftest import LIMITS, TEMPLATE, Running

if TYPE_CHECKING:
    from collections.abc import Iterator

GREEDY = TEMPLATE.parent / "greedy.yaml"
_KEYS = Credentials("any", "any")


@pytest.fixture(scope="module")
def dev() -> Iterator[Running]:
    written = io.StringIO()
    with (
        running(GREEDY, limits=LIMITS, terminal=Terminal(stream=written, verbose=True)) as stack,
        urllib3.PoolManager(retries=False) as http,
    ):
        yield Running(stack, written, http)


def client(dev: Running, service: str, *, host: str = "127.0.0.1") -> Any:  # noqa: ANN401 - boto3 makes its classes
    return boto3.client(
        service,
        endpoint_url=dev.stack.url.replace("127.0.0.1", host),
        region_name="eu-west-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",  # noqa: S106 - nothing checks it
        config=Config(retries={"total_max_attempts": 1}),
    )


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
