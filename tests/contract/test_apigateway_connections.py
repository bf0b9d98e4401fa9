from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from eventstore.adapters.apigateway import ApiGatewayConnections
from eventstore.ports.connections import Gone, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Api:
    """Takes requests down and answers them all alike."""

    status: int = 200
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            api.requests.append((self.command, self.path, body))
            api.headers.append(dict(self.headers))
            self.send_response(api.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_DELETE(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}/ws"
    yield api
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def connections(api: Api) -> ApiGatewayConnections:
    return posting_to(api.url)


def posting_to(url: str) -> ApiGatewayConnections:
    session = boto3.session.Session("AKID", "secret", "token", region_name="eu-west-1")
    config = Config(connect_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})
    return ApiGatewayConnections(session.client("apigatewaymanagementapi", endpoint_url=url, config=config))


def test_a_message_is_posted_as_it_is(api: Api, connections: ApiGatewayConnections) -> None:
    connections.post("a/b=", "{“}".encode())
    assert api.requests == [("POST", "/ws/@connections/a%2Fb%3D", "{“}".encode())]


def test_requests_are_signed_for_the_api(api: Api, connections: ApiGatewayConnections) -> None:
    connections.post("c", b"1")
    assert "/eu-west-1/execute-api/aws4_request" in api.headers[0]["Authorization"]
    assert api.headers[0]["X-Amz-Security-Token"] == "token"


def test_a_signature_covers_the_message(api: Api, connections: ApiGatewayConnections) -> None:
    connections.post("c", b"1")
    connections.post("c", b"2")
    one, other = (headers["Authorization"].rpartition("Signature=")[2] for headers in api.headers)
    assert one != other


def test_a_connection_that_is_not_there_is_gone(api: Api, connections: ApiGatewayConnections) -> None:
    api.status = 410
    with pytest.raises(Gone):
        connections.post("c", b"1")


@pytest.mark.parametrize("status", [403, 413, 429, 500, 503])
def test_a_refusal_means_that_the_client_is_not_reached(
    api: Api, connections: ApiGatewayConnections, status: int
) -> None:
    api.status = status
    with pytest.raises(Unreachable, match=str(status)):
        connections.post("c", b"1")


def test_an_api_that_is_not_there_means_that_the_client_is_not_reached() -> None:
    with pytest.raises(Unreachable):
        posting_to("http://127.0.0.1:9/ws").post("c", b"1")


def test_a_post_is_tried_once(api: Api, connections: ApiGatewayConnections) -> None:
    api.status = 503
    with pytest.raises(Unreachable):
        connections.post("c", b"1")
    assert len(api.requests) == 1


def test_a_connection_is_closed(api: Api, connections: ApiGatewayConnections) -> None:
    connections.close("c")
    assert api.requests == [("DELETE", "/ws/@connections/c", b"")]


def test_closing_one_that_is_gone_changes_nothing(api: Api, connections: ApiGatewayConnections) -> None:
    api.status = 410
    connections.close("c")
    posting_to("http://127.0.0.1:9/ws").close("c")
