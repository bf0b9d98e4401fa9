from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed

from tests.e2e.dev.conftest import LIMITS, serve, wait_until
from tests.e2e.dev.sockets import SECONDS, RawClient, client, connection_id, disconnected, opening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from types_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

    from tests.e2e.dev.conftest import Running

KIB = 1024


@contextmanager
def management(dev: Running, stage: str = "") -> Iterator[ApiGatewayManagementApiClient]:
    aws = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=dev.stack.url + stage,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - the local stack checks none
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield aws
    aws.close()


@pytest.fixture(scope="module")
def aws(dev: Running) -> Iterator[ApiGatewayManagementApiClient]:
    with management(dev) as api:
        yield api


def status(error: pytest.ExceptionInfo[ClientError]) -> int:
    return int(error.value.response["ResponseMetadata"]["HTTPStatusCode"])


def test_a_message_reaches_the_client(dev: Running, aws: ApiGatewayManagementApiClient) -> None:
    with client(dev) as connection:
        aws.post_to_connection(ConnectionId=connection_id(connection), Data="grüß Gott".encode())
        assert connection.recv(timeout=SECONDS) == "grüß Gott"


def test_the_endpoint_may_contain_the_stage(dev: Running) -> None:
    with client(dev) as connection, management(dev, "/ws") as aws:
        aws.post_to_connection(ConnectionId=connection_id(connection), Data=b"hello")
        assert connection.recv(timeout=SECONDS) == "hello"


def test_a_connection_is_gone_at_another_stage(dev: Running) -> None:
    with client(dev) as connection, management(dev, "/narrow") as aws:
        name = connection_id(connection)
        with pytest.raises(aws.exceptions.GoneException):
            aws.post_to_connection(ConnectionId=name, Data=b"hello")


def test_messages_arrive_in_the_order_of_their_posts(dev: Running, aws: ApiGatewayManagementApiClient) -> None:
    texts = [f"message {number}" for number in range(100)]
    with client(dev) as connection:
        name = connection_id(connection)
        for text in texts:
            aws.post_to_connection(ConnectionId=name, Data=text.encode())
        assert [connection.recv(timeout=SECONDS) for _ in texts] == texts


@pytest.mark.parametrize("size", [1, 125, 126, 65_535, 65_536, 128 * KIB])
def test_a_message_may_have_128_kib(dev: Running, aws: ApiGatewayManagementApiClient, size: int) -> None:
    with client(dev) as connection:
        aws.post_to_connection(ConnectionId=connection_id(connection), Data=b"x" * size)
        assert connection.recv(timeout=SECONDS) == "x" * size


def test_a_larger_message_is_refused(dev: Running, aws: ApiGatewayManagementApiClient) -> None:
    with client(dev) as connection:
        with pytest.raises(aws.exceptions.PayloadTooLargeException) as refused:
            aws.post_to_connection(ConnectionId=connection_id(connection), Data=b"x" * (128 * KIB + 1))
        assert status(refused) == 413


@pytest.mark.parametrize("data", [b"", b"\xff"])
def test_a_message_that_no_text_frame_holds_is_refused(
    dev: Running, aws: ApiGatewayManagementApiClient, data: bytes
) -> None:
    with client(dev) as connection:
        with pytest.raises(ClientError) as refused:
            aws.post_to_connection(ConnectionId=connection_id(connection), Data=data)
        assert status(refused) == 400


def test_a_connection_can_be_described(dev: Running, aws: ApiGatewayManagementApiClient) -> None:
    with client(dev) as connection:
        details = aws.get_connection(ConnectionId=connection_id(connection))
    assert details["Identity"]["SourceIp"] == "127.0.0.1"
    assert "websockets" in details["Identity"]["UserAgent"]
    assert timedelta() <= details["LastActiveAt"] - details["ConnectedAt"] < timedelta(minutes=1)


def test_deleting_a_connection_closes_it(dev: Running, aws: ApiGatewayManagementApiClient) -> None:
    with client(dev) as connection:
        name = connection_id(connection)
        answer = aws.delete_connection(ConnectionId=name)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
    assert disconnected(dev, name)["requestContext"]["disconnectStatusCode"] == 1000


@pytest.mark.parametrize("operation", ["post_to_connection", "get_connection", "delete_connection"])
@pytest.mark.parametrize("which", ["unknown", "closed"])
def test_an_unknown_connection_is_gone(
    dev: Running, aws: ApiGatewayManagementApiClient, operation: str, which: str
) -> None:
    name = "BFHPhfCWIAMCKlQ="
    if which == "closed":
        with client(dev) as connection:
            name = connection_id(connection)
        disconnected(dev, name)
    more = {"Data": b"hello"} if operation == "post_to_connection" else {}
    with pytest.raises(aws.exceptions.GoneException) as gone:
        getattr(aws, operation)(ConnectionId=name, **more)
    assert (status(gone), gone.value.response["Error"]["Code"]) == (410, "GoneException")


@pytest.mark.parametrize("operation", ["post_to_connection", "get_connection", "delete_connection"])
@pytest.mark.parametrize("name", ["cjy8i76bx002884le6n17d49b", "no id", "$", "ü", "abc"])
def test_an_invalid_connection_id_is_a_bad_request(
    aws: ApiGatewayManagementApiClient, operation: str, name: str
) -> None:
    more = {"Data": b"hello"} if operation == "post_to_connection" else {}
    with pytest.raises(ClientError) as refused:
        getattr(aws, operation)(ConnectionId=name, **more)
    assert (status(refused), refused.value.response["Error"]["Code"]) == (400, "BadRequestException")
    assert refused.value.response["Error"]["Message"] == f"Invalid connectionId: {name}"


def test_a_connection_is_gone_until_its_connect_function_has_ended(dev: Running, tmp_path: Path) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"
    instruction = json.dumps({"begun": str(begun), "file": str(go)})
    with RawClient.connect(
        dev, opening("/ws", query={"do": "await", "with": instruction}, headers={"X-Mark": begun})
    ) as raw:
        mark = f'"X-Mark": "{begun}"'
        wait_until(lambda: mark in dev.written.getvalue(), what="$connect")
        line = next(line for line in dev.written.getvalue().splitlines() if mark in line)
        name = json.loads(line.partition("| CONNECT ")[2])["requestContext"]["connectionId"]
        assert dev.call("POST", f"/@connections/{name}", body=b"early").status == 410
        go.touch()
        assert raw.head().startswith("HTTP/1.1 101")
        assert dev.call("POST", f"/@connections/{name}", body=b"now").status == 200


def test_an_id_may_be_percent_encoded(dev: Running) -> None:
    with client(dev) as connection:
        name = connection_id(connection).replace("=", "%3D")
        assert dev.call("POST", f"/@connections/{name}", body=b"hello").status == 200


def test_an_unknown_operation_is_forbidden(dev: Running) -> None:
    answer = dev.call("PUT", "/@connections/abc")
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "ForbiddenException")


def test_posts_are_shown_in_verbose_mode(dev: Running) -> None:
    with client(dev) as connection:
        name = connection_id(connection)
        dev.call("POST", f"/@connections/{name}", body=b"hello")
    assert f"POST   /@connections/{name} 200" in dev.written.getvalue()
    with serve(LIMITS) as quiet, client(quiet) as connection:
        quiet.call("POST", f"/@connections/{connection_id(connection)}", body=b"hello")
        assert "POST" not in quiet.written.getvalue()


def test_a_client_that_does_not_read_fills_its_own_buffer_only() -> None:
    with (
        serve(replace(LIMITS, websocket_send_seconds=0.2)) as dev,
        client(dev) as other,
        RawClient.connect(dev, opening("/narrow"), buffer=4 * KIB) as lazy,
    ):
        assert "101" in lazy.head()
        [name] = [line.split()[3] for line in dev.written.getvalue().splitlines() if "OPEN   /narrow" in line]
        statuses = [dev.call("POST", f"/@connections/{name}", body=b"x" * 128 * KIB).status]
        while statuses[-1] == 200:
            statuses.append(dev.call("POST", f"/@connections/{name}", body=b"x" * 128 * KIB).status)
            assert dev.call("POST", f"/@connections/{connection_id(other)}", body=b"quick").status == 200
            assert other.recv(timeout=SECONDS) == "quick"
        assert statuses[-1] == 429
        # The message whose post failed was already in the buffer, and arrives as well.
        assert [lazy.frame() for _ in statuses] == [(0x81, b"x" * 128 * KIB)] * len(statuses)
        assert dev.call("POST", f"/@connections/{name}", body=b"awake").status == 200
        assert lazy.frame() == (0x81, b"awake")
