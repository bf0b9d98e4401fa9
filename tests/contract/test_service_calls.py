from __future__ import annotations

import json
import socket
from base64 import b64encode
from contextlib import closing
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
from botocore import exceptions

from eventstore.adapters.aws.service_calls import ServiceCalls, encoded
from tests.contract.aws import NOBODY, Answer, Api, environment
from tests.contract.receivers import OK, Receiver
from tests.tls import Authority

if TYPE_CHECKING:
    from pathlib import Path


class Waiting:
    """The pauses that calls made."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def calls(self, url: str, *, attempts: int = 3, seconds: float = 20) -> ServiceCalls:
        return ServiceCalls(
            "sqs",
            environment(),
            endpoint=url,
            seconds=seconds,
            attempts=attempts,
            pause=self.pauses.append,
            jitter=lambda: 0.5,
        )


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


def test_an_answer_has_headers_in_any_case_and_a_body(api: Api, waiting: Waiting) -> None:
    api.respond = lambda _: Answer(201, b"body", {"X-One": "1"})
    answer = waiting.calls(api.url).call("Do", "/a")
    assert (answer.headers["x-one"], answer.body) == ("1", b"body")


def test_a_path_is_behind_that_of_the_endpoint(api: Api, waiting: Waiting) -> None:
    waiting.calls(f"{api.url}/stage").call("Do", f"/{encoded('a/b=')}", method="DELETE")
    assert api.requests == [("DELETE", "/stage/a%2Fb%3D", b"")]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_call_is_made_again_after_an_error_that_may_pass(api: Api, waiting: Waiting, status: int) -> None:
    api.answers = [(status, b""), (200, b"ok")]
    assert waiting.calls(api.url).call("Do", "/").body == b"ok"
    assert waiting.pauses == [0.5]


def test_pauses_double_until_the_last_attempt(api: Api, waiting: Waiting) -> None:
    api.answers = [(503, b"")]
    with pytest.raises(exceptions.ClientError):
        waiting.calls(api.url, attempts=4).call("Do", "/")
    assert (len(api.requests), waiting.pauses) == (4, [0.5, 1, 2])


def test_throttling_is_recognized_by_its_code(api: Api, waiting: Waiting) -> None:
    api.answers = [(400, b'{"__type":"com.amazon#RequestThrottled"}'), (200, b"ok")]
    assert waiting.calls(api.url).call("Do", "/").body == b"ok"


def test_a_refusal_is_not_tried_again(api: Api, waiting: Waiting) -> None:
    api.answers = [(400, b"{}")]
    with pytest.raises(exceptions.ClientError, match="400"):
        waiting.calls(api.url).call("Do", "/")
    assert (len(api.requests), waiting.pauses) == (1, [])


@pytest.mark.parametrize(
    ("headers", "members", "code"),
    [
        ({"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}, {"__type": "a#Other"}, None),
        ({"x-amzn-ErrorType": "TooLarge:http://internal.amazon.com/coral/"}, {}, "TooLarge"),
        ({}, {"__type": "com.amazonaws.sqs#QueueDoesNotExist"}, "QueueDoesNotExist"),
        ({}, {"__type": "ResourceNotFoundException"}, "ResourceNotFoundException"),
        ({}, {"code": "AccessDenied"}, "AccessDenied"),
        ({}, {}, "400"),
        ({}, [], "400"),
    ],
)
def test_the_code_of_an_error_is_where_its_protocol_has_it(
    api: Api, waiting: Waiting, headers: dict[str, str], members: object, code: str | None
) -> None:
    api.respond = lambda _: Answer(400, json.dumps(members).encode(), headers)
    with pytest.raises(exceptions.ClientError) as raised:
        waiting.calls(api.url).call("Do", "/")
    assert raised.value.response["Error"]["Code"] == (code or "AWS.SimpleQueueService.NonExistentQueue")


@pytest.mark.parametrize("name", ["message", "Message"])
def test_an_error_says_what_the_service_said(api: Api, waiting: Waiting, name: str) -> None:
    api.respond = lambda _: Answer(404, json.dumps({name: "no such thing"}).encode(), {"Retry-After": "7"})
    with pytest.raises(exceptions.ClientError, match=r"calling the Do operation: no such thing") as raised:
        waiting.calls(api.url).call("Do", "/")
    metadata = raised.value.response["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], metadata["HTTPHeaders"]["retry-after"]) == (404, "7")


def test_an_error_without_json_has_its_status_as_code(api: Api, waiting: Waiting) -> None:
    api.answers = [(418, b"<html>")]
    with pytest.raises(exceptions.ClientError, match="418"):
        waiting.calls(api.url).call("Do", "/")


def test_a_service_that_is_not_there_cannot_be_connected_to(waiting: Waiting) -> None:
    with pytest.raises(exceptions.EndpointConnectionError, match=r"127\.0\.0\.1"):
        waiting.calls(NOBODY).call("Do", "/")
    assert len(waiting.pauses) == 2


def test_a_connection_that_is_closed_without_an_answer_is_an_error(api: Api, waiting: Waiting) -> None:
    api.respond = lambda _: None
    with pytest.raises(exceptions.ConnectionClosedError):
        waiting.calls(api.url, attempts=1).call("Do", "/")


def test_an_answer_that_does_not_come_in_time_is_an_error(api: Api, waiting: Waiting) -> None:
    over = Event()
    api.respond = lambda _: None if over.wait(20) else Answer()
    with pytest.raises(exceptions.ReadTimeoutError):
        waiting.calls(api.url, attempts=1).call("Do", "/", seconds=0.2)
    over.set()


def test_a_connection_is_kept(api: Api, waiting: Waiting) -> None:
    ports: list[int] = []
    calls = waiting.calls(api.url)
    for _ in range(3):
        calls.call("Do", "/")
        ports += api.ports[len(ports) :]
    assert len(ports) == 3
    assert len(set(ports)) == 1


@pytest.mark.parametrize("function", ["orders", ""])
def test_the_trace_of_a_function_is_passed_on(
    api: Api, waiting: Waiting, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988;Parent=5;Sampled=1;Lineage=a:0")
    if function:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", function)
    else:
        monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    waiting.calls(api.url).call("Do", "/")
    expected = "Root=1-5759e988;Parent=5;Sampled=1;Lineage=a:0" if function else None
    assert api.headers[0].get("X-Amzn-Trace-Id") == expected
    # Gateways on the way change it, so botocore does not sign it either.
    assert "x-amzn-trace-id" not in api.headers[0]["Authorization"]


def test_calls_that_are_closed_can_be_made_again(api: Api, waiting: Waiting) -> None:
    calls = waiting.calls(api.url)
    calls.call("Do", "/")
    calls.close()
    calls.call("Do", "/")
    assert len(set(api.ports)) == 2


@pytest.mark.parametrize(
    ("before", "sent"),
    [
        ("http://", None),
        ("", None),
        ("http://me:a%40b@", b64encode(b"me:a@b")),
    ],
)
def test_a_proxy_of_the_environment_is_used(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch, before: str, sent: bytes | None
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"{before}127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        proxy.settimeout(20)
        calls = waiting.calls("https://sqs.example.com", attempts=1, seconds=0.5)
        with pytest.raises(exceptions.BotoCoreError):
            calls.call("Do", "/")
        accepted, _ = proxy.accept()
        with accepted:
            asked = accepted.recv(1000)
            assert asked.startswith(b"CONNECT sqs.example.com:443")
            assert (b"proxy-authorization: basic " in asked.lower()) == (sent is not None)
            assert (sent or b"") in asked


def test_a_proxy_is_for_tls_alone(api: Api, waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", NOBODY)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    waiting.calls(api.url).call("Do", "/")
    assert len(api.requests) == 1


def test_a_connection_that_is_closed_while_it_is_opened_is_tried_again(waiting: Waiting) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def close_two() -> None:
            for _ in range(2):
                accepted, _ = server.accept()
                with accepted:
                    accepted.recv(10)

        closing_them = Thread(target=close_two)
        closing_them.start()
        with pytest.raises(exceptions.BotoCoreError):
            waiting.calls(f"https://127.0.0.1:{server.getsockname()[1]}", attempts=2).call("Do", "/")
        closing_them.join(20)
    assert waiting.pauses == [0.5]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path)


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_an_authority_of_the_environment_is_trusted(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch, authority: Authority, variable: str
) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(variable, str(authority.certificate))
    with Receiver.serving(authority.server) as receiver:
        receiver.answers = [OK]
        waiting.calls(f"https://127.0.0.1:{receiver.port}").call("Do", "/")
    assert len(receiver.requests) == 1


def test_an_endpoint_with_a_certificate_of_nobody_known_is_called_neither_once_nor_again(
    waiting: Waiting, authority: Authority
) -> None:
    with Receiver.serving(authority.server) as receiver:
        receiver.answers = [OK]
        with pytest.raises(exceptions.SSLError):
            waiting.calls(f"https://127.0.0.1:{receiver.port}").call("Do", "/")
    assert (len(receiver.requests), waiting.pauses) == (0, [])
