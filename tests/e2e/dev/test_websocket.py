from __future__ import annotations

import json
import re
import socket
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.e2e.dev.conftest import LIMITS, serve, wait_until
from tests.e2e.dev.sockets import (
    SECONDS,
    FastClock,
    RawClient,
    ask,
    client,
    connection_id,
    context,
    disconnected,
    opening,
    printed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from websockets.frames import CloseCode
    from websockets.sync.client import ClientConnection

    from tests.e2e.dev.conftest import Running

ACTIVE_KEYS = {"connectionId", "requestId"}


def keys(value: object, prefix: str = "") -> set[str]:
    if not isinstance(value, dict) or prefix.rstrip(".").endswith(("eaders", "arameters")):
        return set()
    return {f"{prefix}{key}" for key in value}.union(*(keys(inner, f"{prefix}{key}.") for key, inner in value.items()))


def connected(dev: Running, connection: ClientConnection) -> dict[str, Any]:
    """The connect event of a connection."""
    [event] = printed(dev, "CONNECT", connection_id(connection))
    return event


def close_of(connection: ClientConnection) -> CloseCode | int:
    """The code with which the gateway closes."""
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(timeout=SECONDS)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def refusal(dev: Running, path: str = "/ws", **query: str) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as refused, client(dev, path, query=query):
        pass
    return refused.value.response.status_code, json.loads(refused.value.response.body or b"{}")


@pytest.mark.parametrize("kind", ["Connect", "Message", "Disconnect"])
def test_events_have_the_keys_of_aws_events(dev: Running, material: Path, kind: str) -> None:
    awss = json.loads((material / "lambda-events" / f"apiGatewayWebSocketApi{kind}.json").read_text())
    with client(dev) as connection:
        connection_name = connection_id(connection)
        events = {"Connect": connected(dev, connection), "Message": ask(connection, {"action": "describe"})}
    events["Disconnect"] = disconnected(dev, connection_name)
    assert keys(events[kind]) == keys(awss) | {"requestContext.identity.userAgent"}


def test_the_connect_event_describes_the_request_of_the_client(dev: Running) -> None:
    with client(dev, query={"a": "1", "b": "& c"}, headers=[("X-Many", "1"), ("X-Many", "2")]) as connection:
        event = connected(dev, connection)
    assert event["multiValueQueryStringParameters"] == {"a": ["1"], "b": ["& c"]}
    assert event["queryStringParameters"] == {"a": "1", "b": "& c"}
    assert event["multiValueHeaders"]["X-Many"] == ["1", "2"]
    assert event["headers"]["X-Many"] == "2"
    assert event["headers"]["Sec-WebSocket-Version"] == "13"
    assert not {"Connection", "Upgrade"} & set(event["headers"])


def test_a_message_comes_with_no_headers(dev: Running) -> None:
    with client(dev) as connection:
        assert not {"headers", "queryStringParameters"} & set(ask(connection, {"action": "describe"}))


def test_a_connection_keeps_its_id_and_every_message_has_its_own(dev: Running) -> None:
    with client(dev) as connection:
        first, second = context(connection), context(connection)
        assert first["connectionId"] == second["connectionId"]
        assert first["messageId"] != second["messageId"]
        assert re.fullmatch(r"[\w-]{15}=", first["connectionId"])


def test_an_events_domain_name_is_where_the_api_can_be_reached(dev: Running) -> None:
    with client(dev) as connection:
        assert f"http://{context(connection)['domainName']}" == dev.stack.url


@pytest.mark.parametrize(("path", "stage"), [("/", "ws"), ("/ws", "ws"), ("/ws/", "ws"), ("/narrow", "narrow")])
def test_an_api_is_selected_by_its_stage_or_the_first_without_one(dev: Running, path: str, stage: str) -> None:
    with client(dev, path) as connection:
        received = ask(connection, {"action": "describe", "deep": {"er": "known"}})
        assert received["requestContext"]["stage"] == stage


def test_an_unknown_path_is_refused(dev: Running) -> None:
    assert refusal(dev, "/nowhere")[0] == 403


def test_a_plain_request_beside_a_websocket_api_goes_to_the_rest_api(dev: Running) -> None:
    assert dev.call("GET", "/").status == 200


def test_the_functions_status_refuses_a_connection(dev: Running) -> None:
    status, body = refusal(dev, **{"with": '{"statusCode": 401}'})
    assert (status, body["message"], set(body) - {"message"}) == (401, "Unauthorized", ACTIVE_KEYS)


@pytest.mark.parametrize(
    "query",
    [{"do": "raise"}, {"with": '"text"'}, {"with": "{}"}, {"with": '{"statusCode": "x"}'}, {"with": "null"}],
)
def test_a_failing_connect_function_refuses_with_502(dev: Running, query: dict[str, str]) -> None:
    assert refusal(dev, **query)[0] == 502


def test_a_connect_function_without_an_end_refuses_with_504(tmp_path: Path) -> None:
    with serve(replace(LIMITS, integration_seconds=0.1)) as dev:
        instruction = json.dumps({"begun": str(tmp_path / "begun"), "file": str(tmp_path / "never")})
        assert refusal(dev, **{"do": "await", "with": instruction})[0] == 504


def test_the_function_chooses_the_subprotocol(dev: Running) -> None:
    offered = [Subprotocol("a"), Subprotocol("b")]
    answer_json = {"statusCode": 200, "headers": {"sec-websocket-protocol": "b"}}
    with client(dev, query={"with": json.dumps(answer_json)}, subprotocols=offered) as connection:
        assert connection.subprotocol == "b"


def test_no_subprotocol_is_chosen_unless_the_function_does(dev: Running) -> None:
    with client(dev, subprotocols=[Subprotocol("a")]) as connection:
        assert connection.subprotocol is None


def test_compression_is_not_agreed_on(dev: Running) -> None:
    with client(dev) as connection:
        assert connection.request is not None
        assert connection.response is not None
        assert "permessage-deflate" in connection.request.headers["Sec-WebSocket-Extensions"]
        assert "Sec-WebSocket-Extensions" not in connection.response.headers


@pytest.mark.parametrize(
    "text", ["no JSON", "[1]", '{"action":"unknown"}', '{"action":5}', '{"action":"$connect"}', "["]
)
def test_a_message_without_a_route_takes_the_default_route(dev: Running, text: str) -> None:
    with client(dev) as connection:
        connection.send(text)
        assert connection.recv(timeout=SECONDS) == text


def test_without_a_default_route_a_message_without_a_route_is_forbidden(dev: Running) -> None:
    with client(dev, "/narrow") as connection:
        received = ask(connection, {"deep": "er"})
    assert (received["message"], set(received) - {"message"}) == ("Forbidden", ACTIVE_KEYS)


def test_a_route_without_a_response_answers_nothing(dev: Running) -> None:
    with client(dev) as connection:
        connection.send('{"action":"quiet"}')
        wait_until(lambda: re.search(r"ROUTE .* quiet 200", dev.written.getvalue()), what="the message's line")
        connection.send("next")
        assert connection.recv(timeout=SECONDS) == "next"


@pytest.mark.parametrize("answer", [{"statusCode": 200}, {"statusCode": 200, "body": ""}])
def test_an_answer_without_a_body_sends_nothing(dev: Running, answer: object) -> None:
    with client(dev) as connection:
        connection.send(json.dumps({"action": "do", "do": "return", "with": answer}))
        wait_until(lambda: re.search(r"ROUTE .* do 200", dev.written.getvalue()), what="the message's line")
        connection.send("next")
        assert connection.recv(timeout=SECONDS) == "next"


@pytest.mark.parametrize(
    "deed",
    [
        {"do": "raise"},
        {"do": "return", "with": None},
        {"do": "return", "with": {"body": "no status"}},
        {"do": "return", "with": {"statusCode": 500, "body": "secret"}},
        {"do": "large", "with": {"bytes": 128 * 1024 + 1}},
    ],
    ids=["raises", "null", "no status", "500", "too large"],
)
def test_a_failing_function_is_answered_like_on_aws(dev: Running, deed: dict[str, Any]) -> None:
    with client(dev) as connection:
        received = ask(connection, {"action": "do", **deed})
    assert (received["message"], set(received) - {"message"}) == ("Internal server error", ACTIVE_KEYS)


def test_an_answer_may_have_128_kib(dev: Running) -> None:
    with client(dev) as connection:
        connection.send(json.dumps({"action": "do", "do": "large", "with": {"bytes": 128 * 1024}}))
        assert len(connection.recv(timeout=SECONDS)) == 128 * 1024


def test_a_function_beyond_the_time_of_its_route_is_answered_like_on_aws(dev: Running, tmp_path: Path) -> None:
    instruction = {"begun": str(tmp_path / "begun"), "file": str(tmp_path / "file")}
    with client(dev) as connection:
        answer = ask(connection, {"action": "hurry", "do": "await", "with": instruction})
    (tmp_path / "file").touch()
    assert answer["message"] == "Endpoint request timed out"


def test_messages_of_one_connection_run_at_once(dev: Running, tmp_path: Path) -> None:
    meeting = json.dumps({"action": "do", "do": "meet", "with": {"folder": str(tmp_path), "number": 2}})
    with client(dev) as connection:
        connection.send(meeting)
        connection.send(meeting)
        assert [connection.recv(timeout=SECONDS) for _ in range(2)] == ["met", "met"]


def test_messages_start_in_the_order_in_which_they_came(dev: Running) -> None:
    messages = [json.dumps({"action": "queue", "number": number}) for number in range(50)]
    with client(dev) as connection:
        for message in messages:
            connection.send(message)
        assert [connection.recv(timeout=SECONDS) for _ in messages] == messages


def test_messages_beyond_the_concurrency_wait_for_their_turn() -> None:
    with serve(replace(LIMITS, websocket_concurrency=2)) as dev, client(dev) as connection:
        messages = [f"message {number}" for number in range(40)]
        for message in messages:
            connection.send(message)
        assert sorted(str(connection.recv(timeout=SECONDS)) for _ in messages) == sorted(messages)


@pytest.mark.parametrize(
    ("code", "reason", "received"),
    [
        (1000, "done", (1000, "done")),
        (4321, "", (4321, "")),
        (None, "", (1005, "Client-side close frame status not set")),
    ],
)
def test_a_close_of_the_client_causes_a_disconnect_event(
    dev: Running, code: int | None, reason: str, received: tuple[int, str]
) -> None:
    with client(dev) as connection:
        name = connection_id(connection)
        if code is None:
            connection.protocol.send_close()
            connection.socket.sendall(b"".join(connection.protocol.data_to_send()))
        else:
            connection.close(code, reason)
    about = disconnected(dev, name)["requestContext"]
    assert (about["disconnectStatusCode"], about["disconnectReason"]) == received


def test_a_lost_connection_causes_a_disconnect_event(dev: Running) -> None:
    with client(dev) as connection:
        name = connection_id(connection)
        connection.socket.shutdown(socket.SHUT_RDWR)
        assert disconnected(dev, name)["requestContext"]["disconnectStatusCode"] == 1006


def test_a_client_that_leaves_during_connect_causes_a_disconnect_event(dev: Running, tmp_path: Path) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"
    instruction = json.dumps({"begun": str(begun), "file": str(go)})

    with RawClient.connect(dev, opening("/ws", query={"do": "await", "with": instruction}, headers={"X-Mark": begun})):
        wait_until(begun.exists, what="$connect")
    go.touch()
    wait_until(lambda: str(begun) in dev.written.getvalue(), what="$connect's event")
    [name] = {
        json.loads(line.partition("| CONNECT ")[2])["requestContext"]["connectionId"]
        for line in dev.written.getvalue().splitlines()
        if f'"X-Mark": "{begun}"' in line
    }
    assert disconnected(dev, name)["requestContext"]["disconnectStatusCode"] == 1006


def test_a_client_that_never_reads_answers_is_no_longer_read(dev: Running) -> None:
    ping = b"\x89\xfd\0\0\0\0" + b"x" * 125
    with RawClient.connect(dev, opening("/ws"), buffer=4096) as raw:
        raw.head()
        assert raw.fill(ping * 1000, most=64 * 1024 * 1024) < 64 * 1024 * 1024
        with client(dev) as other:
            assert ask(other, {"action": "unread"}) == {"action": "unread"}
        assert raw.frame() == (0x8A, b"x" * 125)


def test_a_closed_connection_leaves_nothing_behind() -> None:
    with serve(LIMITS) as dev:
        with client(dev) as connection:
            name = connection_id(connection)
        disconnected(dev, name)
        gateway = dev.stack._websockets
        wait_until(lambda: not (gateway._all or gateway._connections or gateway._endings), what="the connection's end")


@pytest.fixture(scope="module")
def fast() -> Iterator[tuple[Running, FastClock]]:
    clock = FastClock()
    with serve(LIMITS, clock=clock) as dev:
        yield dev, clock


def test_ten_idle_minutes_end_a_connection(fast: tuple[Running, FastClock]) -> None:
    dev, clock = fast
    with client(dev) as connection:
        name = connection_id(connection)
        clock.advance(600)
        assert close_of(connection) == 1001
    assert disconnected(dev, name)["requestContext"]["disconnectStatusCode"] == 1001


def test_pings_do_not_keep_a_connection_open(fast: tuple[Running, FastClock]) -> None:
    dev, clock = fast
    with client(dev) as connection:
        context(connection)
        clock.advance(599)
        assert connection.ping().wait(SECONDS)
        clock.advance(1)
        assert close_of(connection) == 1001


def test_messages_of_the_client_keep_a_connection_open_for_two_hours(fast: tuple[Running, FastClock]) -> None:
    dev, clock = fast
    with client(dev) as connection:
        for _ in range(12):
            context(connection)
            clock.advance(599)
        context(connection)
        clock.advance(7200 - 12 * 599)
        assert close_of(connection) == 1001


def test_messages_to_the_client_keep_a_connection_open(fast: tuple[Running, FastClock]) -> None:
    dev, clock = fast
    with client(dev) as connection:
        name = connection_id(connection)
        clock.advance(400)
        assert dev.call("POST", f"/@connections/{name}", body=b"hello").status == 200
        assert connection.recv(timeout=SECONDS) == "hello"
        clock.advance(400)
        assert context(connection)["connectionId"] == name


def test_a_stack_that_stops_closes_connections_and_sends_disconnect_events() -> None:
    with ExitStack() as clients:
        with serve(LIMITS) as dev:
            connection = clients.enter_context(client(dev))
            name = connection_id(connection)
        assert close_of(connection) == 1001
    assert printed(dev, "DISCONNECT", name)


def test_a_stack_does_not_wait_for_a_disconnect_function_without_an_end(tmp_path: Path) -> None:
    with ExitStack() as clients:
        with serve(replace(LIMITS, concurrency=1, websocket_closing_seconds=0.2)) as dev:
            connection = clients.enter_context(client(dev))
            # The only environment is busy, so $disconnect cannot begin.
            instruction = {"begun": str(tmp_path / "begun"), "file": str(tmp_path / "never")}
            connection.send(json.dumps({"action": "do", "do": "await", "with": instruction}))
            wait_until((tmp_path / "begun").exists, what="the function")
        assert close_of(connection) == 1001
    assert "DISCONNECT" not in dev.written.getvalue()


def test_connect_messages_and_disconnect_are_logged_in_a_line_each(dev: Running) -> None:
    with client(dev) as connection:
        name = connection_id(connection)
    disconnected(dev, name)
    lines = [line.split(" ", 1)[1] for line in dev.written.getvalue().splitlines() if f"/ws {name}" in line]
    patterns = [
        r"OPEN   /ws \S+ 101 .*in the function\).*",
        r"ROUTE  /ws \S+ describe 200 .*",
        r"CLOSE  /ws \S+ 1000 .*",
    ]
    assert len(lines) == len(patterns)
    assert all(re.fullmatch(pattern, line) for pattern, line in zip(patterns, lines, strict=True))
