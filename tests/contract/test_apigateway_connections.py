from __future__ import annotations

import pytest

from eventstore.adapters.aws.apigateway import ApiGatewayConnections
from eventstore.adapters.aws.calls import connections_calls
from eventstore.ports.connections import Gone, Unreachable
from tests.contract.aws import NOBODY, Api, environment


@pytest.fixture
def connections(api: Api) -> ApiGatewayConnections:
    return posting_to(api.url)


def posting_to(url: str) -> ApiGatewayConnections:
    return ApiGatewayConnections(connections_calls(lambda: f"{url}/ws", environment()))


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
    api.answers = [(410, b"")]
    with pytest.raises(Gone):
        connections.post("c", b"1")


@pytest.mark.parametrize("status", [403, 413, 429, 500, 503])
def test_a_refusal_means_that_the_client_is_not_reached(
    api: Api, connections: ApiGatewayConnections, status: int
) -> None:
    api.answers = [(status, b"")]
    with pytest.raises(Unreachable, match=str(status)):
        connections.post("c", b"1")


def test_an_api_that_is_not_there_means_that_the_client_is_not_reached() -> None:
    with pytest.raises(Unreachable):
        posting_to(NOBODY).post("c", b"1")


def test_a_post_is_tried_once(api: Api, connections: ApiGatewayConnections) -> None:
    api.answers = [(503, b"")]
    with pytest.raises(Unreachable):
        connections.post("c", b"1")
    assert len(api.requests) == 1


def test_a_connection_is_closed(api: Api, connections: ApiGatewayConnections) -> None:
    connections.close("c")
    assert api.requests == [("DELETE", "/ws/@connections/c", b"")]


def test_closing_one_that_is_gone_changes_nothing(api: Api, connections: ApiGatewayConnections) -> None:
    api.answers = [(410, b"")]
    connections.close("c")


def test_a_connection_that_may_still_be_open_is_unreachable(api: Api, connections: ApiGatewayConnections) -> None:
    api.answers = [(429, b"")]
    with pytest.raises(Unreachable):
        connections.close("c")
    with pytest.raises(Unreachable):
        posting_to(NOBODY).close("c")
