from __future__ import annotations

import gzip
import http.client
import json
import re
import socket
import zlib
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from eventstore_dev.invocation import Limits
from tests.e2e.dev.conftest import serve, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.dev.conftest import Running

# Members that API Gateway sends only for HTTP APIs, with an authorizer, or with mutual TLS.
NOT_HERE = {"version", "requestContext.authorizer", "requestContext.identity.clientCert"}


def keys(value: object, prefix: str = "") -> set[str]:
    if not isinstance(value, dict) or prefix.rstrip(".").endswith(("eaders", "arameters", "authorizer", "clientCert")):
        return set()
    return {f"{prefix}{key}" for key in value}.union(*(keys(inner, f"{prefix}{key}.") for key, inner in value.items()))


def test_the_event_has_the_keys_of_an_aws_event(dev: Running, material: Path) -> None:
    awss = json.loads((material / "lambda-events" / "apiGatewayProxyEvent.json").read_text())
    assert keys(dev.event("/items")) == keys(awss) - NOT_HERE


def test_a_fixed_segment_wins_over_a_parameter(dev: Running) -> None:
    assert dev.event("/items/special")["resource"] == "/items/special"


def test_path_parameters_are_passed_on_unchanged(dev: Running) -> None:
    assert dev.event("/items/caf%C3%A9%2Fau%20lait")["pathParameters"] == {"id": "caf%C3%A9%2Fau%20lait"}
    assert dev.event("/all/a%2Bb@c.example/d+e")["pathParameters"] == {"proxy": "a%2Bb@c.example/d+e"}


def test_a_compressed_body_reaches_the_function_as_it_was_before(dev: Running) -> None:
    text = "grüß Gott " * 1000
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain"}
    event = dev.event("/items/1", method="POST", body=gzip.compress(text.encode()), headers=headers)
    assert b64decode(event["body"]).decode() == text
    assert event["headers"]["Content-Encoding"] == "gzip"


def test_a_path_is_passed_on_unchanged(dev: Running) -> None:
    assert dev.event("/items/a%2Fb%25c")["path"] == "/items/a%2Fb%25c"


def test_a_greedy_parameter_takes_the_rest(dev: Running) -> None:
    event = dev.event("/all/a/b/c")
    assert (event["resource"], event["pathParameters"]) == ("/all/{proxy+}", {"proxy": "a/b/c"})


def test_any_takes_every_method(dev: Running) -> None:
    assert dev.event("/items/1", method="PATCH")["httpMethod"] == "PATCH"


def test_repeated_parameters_are_all_passed_on_and_the_last_is_the_single_value(dev: Running) -> None:
    event = dev.event("/items?a=1&a=2&b=%26+c&d")
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["& c"], "d": [""]}
    assert event["queryStringParameters"] == {"a": "2", "b": "& c", "d": ""}


def test_absent_members_of_the_event_are_null(dev: Running) -> None:
    event = dev.event("/items")
    absent = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables", "body")
    assert {event[name] for name in absent} == {None}


def test_repeated_headers_are_all_passed_on(dev: Running) -> None:
    connection = http.client.HTTPConnection(dev.stack.url.removeprefix("http://"))
    connection.putrequest("GET", "/items")
    connection.putheader("X-Many", "1")
    connection.putheader("X-Many", "2")
    connection.endheaders()
    event = json.loads(connection.getresponse().read())
    connection.close()
    assert event["multiValueHeaders"]["X-Many"] == ["1", "2"]
    assert event["headers"]["X-Many"] == "2"


def test_a_body_arrives_in_base64_when_its_type_is_binary(dev: Running) -> None:
    body = bytes(range(256))
    event = dev.event("/all/x", method="POST", body=body)
    assert (event["isBase64Encoded"], event["body"]) == (True, b64encode(body).decode())


def test_a_request_without_a_route_is_refused_as_api_gateway_does(dev: Running) -> None:
    response = dev.call("GET", "/nowhere")
    assert (response.status, response.json()) == (403, {"message": "Missing Authentication Token"})
    assert response.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


@pytest.mark.parametrize("method", ["DELETE", "HEAD", "OPTIONS"])
def test_a_method_that_was_not_declared_is_refused(dev: Running, method: str) -> None:
    assert dev.call(method, "/items").status == 403


def test_the_stage_is_no_part_of_the_path(dev: Running) -> None:
    assert dev.call("GET", "/v1/items").status == 403
    assert dev.event("/items")["requestContext"]["stage"] == "v1"


def test_the_response_carries_the_request_id_of_the_event(dev: Running) -> None:
    response = dev.call("GET", "/items")
    context = response.json()["requestContext"]
    assert response.headers["x-amzn-RequestId"] == context["requestId"]
    assert response.headers["x-amz-apigw-id"] == context["extendedRequestId"]


def test_the_client_receives_the_answer_of_the_function(dev: Running) -> None:
    answer = {"statusCode": "201", "headers": {"X-One": 1}, "multiValueHeaders": {"X-Two": ["a", "b"]}, "body": "ü"}
    response = dev.answer(answer)
    assert (response.status, response.data.decode()) == (201, "ü")
    assert (response.headers["X-One"], response.headers.getlist("X-Two")) == ("1", ["a", "b"])


def test_a_binary_answer_is_decoded(dev: Running) -> None:
    body = bytes(range(256))
    answer = {"statusCode": 200, "body": b64encode(body).decode(), "isBase64Encoded": True}
    assert dev.answer(answer, accept="image/png, */*").data == body


def test_an_answer_without_a_type_is_json(dev: Running) -> None:
    assert dev.answer({"statusCode": 200}).headers["Content-Type"] == "application/json"


def test_headers_reserved_by_the_gateway_are_remapped(dev: Running) -> None:
    response = dev.answer({"statusCode": 401, "headers": {"WWW-Authenticate": "Basic"}})
    assert response.headers["x-amzn-Remapped-WWW-Authenticate"] == "Basic"
    assert "WWW-Authenticate" not in response.headers


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "text",
        {"body": "no status"},
        {"statusCode": "ok"},
        {"statusCode": 200, "body": {"an": "object"}},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "multiValueHeaders": {"a": "b"}},
        {"statusCode": 200, "headers": {"a": "b\r\nc: d"}},
        {"statusCode": 200, "isBase64Encoded": True, "body": "!"},
    ],
    ids=str,
)
def test_a_malformed_answer_is_a_bad_gateway(dev: Running, answer: object) -> None:
    response = dev.answer(answer)
    assert (response.status, response.json()) == (502, {"message": "Internal server error"})


def test_the_reason_of_a_bad_gateway_is_on_the_terminal(dev: Running) -> None:
    dev.answer({"statusCode": 200, "body": 5})
    assert "malformed answer of Proxy: body must be text, and is a number" in dev.written.getvalue()


def test_an_exception_in_a_function_is_a_bad_gateway(dev: Running) -> None:
    response = dev.call("POST", "/do", body=b'{"do":"raise"}')
    assert (response.status, response.json()) == (502, {"message": "Internal server error"})


def test_each_request_is_logged_in_a_line(dev: Running) -> None:
    dev.call("GET", "/items/of-this-test")
    line = next(line for line in dev.written.getvalue().splitlines() if "of-this-test" in line)
    assert "GET    /items/of-this-test 200" in line
    assert "in the function)" in line


def test_a_large_body_that_waits_for_continue_arrives(dev: Running) -> None:
    connection = http.client.HTTPConnection(dev.stack.url.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/do")
    connection.putheader("Expect", "100-continue")
    connection.putheader("Content-Length", "2")
    connection.endheaders()
    assert connection.sock.recv(100).startswith(b"HTTP/1.1 100")
    connection.send(b"{}")
    assert connection.getresponse().read()
    connection.close()


def test_a_head_has_the_length_and_no_body(dev: Running) -> None:
    got, headed = dev.call("GET", "/all/head"), dev.call("HEAD", "/all/head")
    assert (headed.status, headed.data) == (200, b"")
    # The answer contains the method and the request id, so the lengths differ by one letter.
    assert abs(int(headed.headers["Content-Length"]) - len(got.data)) < 40


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body, wbits=-15)),
        ("identity", bytes),
        ("gzip", lambda body: gzip.compress(body[:3]) + gzip.compress(body[3:])),
    ],
)
def test_an_encoded_body_arrives_decoded(dev: Running, coding: str, encode: Callable[[bytes], bytes]) -> None:
    event = dev.event("/all/x", method="POST", body=encode(b"a body"), headers={"Content-Encoding": coding})
    assert b64decode(event["body"]) == b"a body"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"no gzip"),
        ("gzip", gzip.compress(b"a body")[:-5]),
        ("gzip", gzip.compress(b"a body") + b"more"),
        ("deflate", b"no deflate"),
        ("deflate", zlib.compress(b"a body") + b"more"),
        ("br", b"whatever"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"twice"))),
    ],
)
def test_a_body_that_cannot_be_decoded_is_an_unsupported_media_type(dev: Running, coding: str, body: bytes) -> None:
    before = len(dev.written.getvalue())
    response = dev.call("POST", "/all/x", body=body, headers={"Content-Encoding": coding})
    assert (response.status, response.json()) == (415, {"message": "Unsupported Media Type"})
    complaint, access = dev.written.getvalue()[before:].splitlines()
    assert complaint.startswith("415: Content-Encoding is ")
    assert "POST   /all/x 415" in access


def raw(dev: Running, sent: bytes) -> bytes:
    """Send bytes on a new connection; return everything received until it ends."""
    with socket.create_connection(("127.0.0.1", urlsplit(dev.stack.url).port), timeout=20) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_a_target_in_absolute_form_is_its_path(dev: Running) -> None:
    url = dev.stack.url
    received = raw(dev, f"GET {url}/items/a%2Fb?x=1 HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n".encode())
    head, _, body = received.partition(b"\r\n\r\n")
    event = json.loads(body)
    assert head.startswith(b"HTTP/1.1 200")
    assert (event["path"], event["queryStringParameters"]) == ("/items/a%2Fb", {"x": "1"})
    # RFC 9112, 3.2.2: the host of the target takes precedence over Host.
    assert event["headers"]["Host"] == urlsplit(url).netloc


def test_the_host_of_an_absolute_target_is_checked_like_the_host_header(dev: Running) -> None:
    received = raw(dev, b"GET http://evil.example/items HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 403")
    assert b"foreign-host" in received


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /items HTTP/1.1\r\n\r\n",
        b"GET /items HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET items HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"nothing of the kind\r\n\r\n",
        b"POST /all/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_an_invalid_request_is_answered_with_a_problem_and_logged_in_a_line(
    dev: Running, sent: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    before = len(dev.written.getvalue().splitlines())
    received = raw(dev, sent)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b" 400 " in head.splitlines()[0]
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == "bad-request"
    assert [line[:4] for line in dev.written.getvalue().splitlines()[before:]] == ["400:"]
    assert "Traceback" not in "".join(capfd.readouterr())


def test_an_aborted_upload_is_logged_in_a_line(dev: Running, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(dev.stack.url).port), timeout=20) as connection:
        connection.sendall(b"POST /all/cut HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc")
    wait_until(lambda: "POST /all/cut" in dev.written.getvalue(), what="the line about the upload")
    lines = [line for line in dev.written.getvalue().splitlines() if "/all/cut" in line]
    assert lines == ["400: POST /all/cut: the body did not come whole: the client left"]
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "TLS/1.0"])
def test_an_ignored_upgrade_ends_the_connection_after_its_answer(dev: Running, protocol: str) -> None:
    upgrade = f"GET /items/1 HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: {protocol}\r\n\r\n"
    received = raw(dev, f"{upgrade}GET /items/2 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert received.count(b"HTTP/1.1 200") == 1
    assert b"Connection: close" in received


def test_requests_that_are_sent_ahead_are_answered_in_their_order(dev: Running) -> None:
    request_text = "GET /items/{} HTTP/1.1\r\nHost: localhost\r\n{}\r\n"
    received = raw(
        dev,
        (
            request_text.format(1, "") + request_text.format(2, "") + request_text.format(3, "Connection: close\r\n")
        ).encode(),
    )
    assert re.findall(rb'"pathParameters": ?\{"id": ?"([0-9])"', received) == [b"1", b"2", b"3"]


def test_http_1_0_needs_no_host_and_ends_the_connection(dev: Running) -> None:
    received = raw(dev, b"GET /items/1 HTTP/1.0\r\n\r\n")
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert json.loads(body)["requestContext"]["protocol"] == "HTTP/1.0"


@pytest.fixture(scope="module")
def small() -> Iterator[Running]:
    quotas: dict[str, Any] = {
        "request_body": 100_000,
        "request_headers": 1000,
        "payload": 50_000,
        "response": 20_000,
    }
    with serve(Limits(integration_seconds=0.2, **quotas)) as running:
        # A start may take longer than the gateway waits.
        running.invoke("Behaviour", {})
        yield running


def test_a_body_that_is_too_long_once_it_is_decoded_is_refused(small: Running) -> None:
    bomb = gzip.compress(b"x" * 10_000_000)
    assert len(bomb) < 100_000
    response = small.call("POST", "/all/x", body=bomb, headers={"Content-Encoding": "gzip"})
    assert (response.status, response.json()) == (413, {"message": "Request Too Long"})


def test_a_body_over_the_gateways_limit_is_too_long(small: Running) -> None:
    response = small.call("POST", "/all/x", body=b"x" * 100_001)
    assert (response.status, response.json()) == (413, {"message": "Request Too Long"})


def test_a_body_of_unknown_length_has_the_same_limit(small: Running) -> None:
    response = small.http.request(
        "POST", f"{small.stack.url}/all/x", body=iter([b"x" * 50_000] * 3), chunked=True, headers={}
    )
    assert response.status == 413


def test_headers_over_the_limit_are_refused(small: Running) -> None:
    assert small.call("GET", "/items", headers={"X-Long": "x" * 1001}).status == 431


def test_an_event_that_lambda_would_not_take_is_a_bad_gateway(small: Running) -> None:
    assert small.call("POST", "/all/x", body=b"x" * 60_000).status == 502


def test_an_answer_that_lambda_would_not_take_is_a_bad_gateway(small: Running) -> None:
    assert small.call("POST", "/do", body=b'{"do":"large","bytes":30000}').status == 502


def test_the_gateway_gives_up_while_the_function_runs_on(small: Running, tmp_path: Path) -> None:
    file = tmp_path / "go"
    response = small.call("POST", "/do", body=json.dumps({"do": "wait", "file": str(file)}).encode())
    assert (response.status, response.json()) == (504, {"message": "Endpoint request timed out"})
    before = small.stack.pids
    file.touch()
    assert small.invoke("Behaviour", {}).status == 200
    assert set(before) <= set(small.stack.pids)
