"""Pushing events to a real server, over TLS."""

from __future__ import annotations

import json
import socket
import threading
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.adapters.http.connections import TargetConnections, connect_to, tls_context
from eventstore.adapters.http.target import HttpTarget
from eventstore.durable.target_urls import UrlRules
from eventstore.frames.pushes import PushedEvent
from eventstore.ports import Refusal, TargetThrottled, TargetUnavailable
from eventstore.streams import stream_name
from eventstore.subscriptions import Target
from tests.conformance.test_standard_webhooks import OTHER, SECRET, verified
from tests.contract.receivers import OK, Receiver, answer, closing, hasty, stalling
from tests.examples import FakeClock
from tests.fakes.secrets import FakeSecrets
from tests.tls import Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from eventstore.adapters.http.deadlines import Deadline
    from eventstore.durable.public_addresses import IPAddress

LOCAL = UrlRules(allow_loopback=True)
NOW = 1_700_000_000_000


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"), names=["localhost", "hooks.example.com"])


@pytest.fixture
def receiver(authority: Authority) -> Iterator[Receiver]:
    with Receiver.serving(authority.server) as receiver:
        receiver.answers = [OK]
        yield receiver


class Hub:
    """The adapter, with what surrounds it."""

    def __init__(self, authority: Authority | None, port: int, *, rules: UrlRules = LOCAL, **options: object) -> None:
        tls = tls_context()
        if authority:
            tls.load_verify_locations(authority.certificate)
        self.port = port
        self.clock = FakeClock(NOW)
        self.secrets = FakeSecrets(hooks=SECRET)
        self.connections = TargetConnections(rules, tls=tls, **options)  # type: ignore[arg-type]
        self.adapter = HttpTarget(rules=rules, secrets=self.secrets, clock=self.clock, connections=self.connections)

    def push(self, *events: PushedEvent, timeout_ms: int = 5000, **target: object) -> Mapping[int, Refusal]:
        members = {"kind": "http", "address": f"https://localhost:{self.port}/hook?a=b", "mode": "structured", **target}
        return self.adapter.push(
            Target(**members),  # type: ignore[arg-type]
            events or [event(1)],
            attempt=1,
            timeout_ms=timeout_ms,
        )


@pytest.fixture
def hub(authority: Authority, receiver: Receiver) -> Iterator[Hub]:
    hub = Hub(authority, receiver.port)
    yield hub
    hub.connections.close()


def event(sequence: int, *, data: str = '{"amount":1.0}', **attributes: str) -> PushedEvent:
    members = {"specversion": "1.0", "id": str(sequence), "source": "/s", "type": "t", **attributes}
    hub = f',"hubstream":"s.a","hubsequence":"{sequence}","hubtime":"2023-11-14T22:13:20.000Z"}}'
    text = json.dumps(members, ensure_ascii=False)[:-1] + (f',"data":{data}' if data else "") + hub
    return PushedEvent(stream_name("s.a"), sequence, text)


# What a target receives


def test_an_event_is_the_body_in_structured_mode(hub: Hub, receiver: Receiver) -> None:
    pushed = event(1, subject="ä")
    assert hub.push(pushed) == {}
    [request] = receiver.requests
    assert request.line == "POST /hook?a=b HTTP/1.1"
    assert request.headers["host"] == f"localhost:{receiver.port}"
    assert request.headers["content-type"] == "application/cloudevents+json"
    assert request.body == pushed.text.encode()


def test_attributes_are_headers_in_binary_mode(hub: Hub, receiver: Receiver) -> None:
    assert hub.push(event(1, subject="ä %", datacontenttype="application/json"), mode="binary") == {}
    [request] = receiver.requests
    assert request.body == b'{"amount":1.0}'
    assert {name: value for name, value in request.headers.items() if name.startswith(("ce-", "content-type"))} == {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/s",
        "ce-type": "t",
        "ce-subject": "%C3%A4%20%25",
        "ce-hubstream": "s.a",
        "ce-hubsequence": "1",
        "ce-hubtime": "2023-11-14T22:13:20.000Z",
        "content-type": "application/json",
    }


def test_an_event_without_data_has_no_body_in_binary_mode(hub: Hub, receiver: Receiver) -> None:
    assert hub.push(event(1, data=""), mode="binary") == {}
    assert receiver.requests[0].body == b""
    assert "content-type" not in receiver.requests[0].headers


def test_bytes_are_sent_as_they_are_in_binary_mode(hub: Hub, receiver: Receiver) -> None:
    pushed = event(1, datacontenttype="image/png")
    text = pushed.text.replace('"data":{"amount":1.0}', '"data_base64":"AAEC/w=="')
    assert hub.push(pushed._replace(text=text), mode="binary") == {}
    assert receiver.requests[0].body == b"\x00\x01\x02\xff"


def test_several_events_are_an_array_in_batched_mode(hub: Hub, receiver: Receiver) -> None:
    events = [event(1), event(2)]
    assert hub.push(*events, mode="batched") == {}
    [request] = receiver.requests
    assert request.headers["content-type"] == "application/cloudevents-batch+json"
    assert request.body == f"[{events[0].text},{events[1].text}]".encode()


def test_other_modes_carry_one_event(hub: Hub, receiver: Receiver) -> None:
    with pytest.raises(TargetUnavailable, match="set batch to 1"):
        hub.push(event(1), event(2))
    assert receiver.requests == []


def test_the_headers_of_the_target_are_added(hub: Hub, receiver: Receiver) -> None:
    hub.push(headers=(("Authorization", "Bearer abc"), ("X-Tenant", "acme")))
    headers = receiver.requests[0].headers
    assert (headers["authorization"], headers["x-tenant"]) == ("Bearer abc", "acme")


@pytest.mark.parametrize("header", [("X-A", "a\r\nX-B: b"), ("Host", "evil"), ("X-A\r\nX-B", "a"), ("webhook-id", "a")])
def test_headers_that_a_store_should_not_hold_are_not_sent(
    hub: Hub, receiver: Receiver, header: tuple[str, str]
) -> None:
    with pytest.raises(TargetUnavailable, match="header"):
        hub.push(headers=(header,))
    assert receiver.requests == []


def test_an_event_whose_media_type_no_header_can_hold_is_parked(hub: Hub, receiver: Receiver) -> None:
    refusals = hub.push(event(1, datacontenttype='text/plain; a="ä"'), mode="binary")
    assert refusals == {0: Refusal("header 'content-type' cannot be sent: its value is not printable ASCII", park=True)}
    assert receiver.requests == []


# Signatures


@pytest.mark.parametrize("mode", ["structured", "binary", "batched"])
def test_a_request_is_signed(hub: Hub, receiver: Receiver, mode: str) -> None:
    hub.push(secret="hooks", mode=mode)  # noqa: S106 - a name
    [request] = receiver.requests
    assert verified(request.headers, request.body, SECRET)
    assert request.headers["webhook-timestamp"] == str(NOW // 1000)


def test_a_request_is_signed_by_each_key(hub: Hub, receiver: Receiver) -> None:
    hub.secrets.texts["hooks"] = f"{OTHER}\n{SECRET}"
    hub.push(secret="hooks")  # noqa: S106 - a name
    [request] = receiver.requests
    assert verified(request.headers, request.body, OTHER)
    assert verified(request.headers, request.body, SECRET)


def test_without_a_secret_a_request_has_an_id_and_no_signature(hub: Hub, receiver: Receiver) -> None:
    hub.push()
    assert "webhook-id" in receiver.requests[0].headers
    assert "webhook-signature" not in receiver.requests[0].headers


def test_another_attempt_has_the_same_id_and_a_later_time(hub: Hub, receiver: Receiver) -> None:
    hub.push(secret="hooks")  # noqa: S106 - a name
    hub.clock.pass_seconds(7)
    hub.push(secret="hooks")  # noqa: S106 - a name
    first, second = (request.headers for request in receiver.requests)
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 7


def test_a_batch_that_has_grown_has_another_id(hub: Hub, receiver: Receiver) -> None:
    hub.push(event(1), mode="batched")
    hub.push(event(1), event(2), mode="batched")
    first, second = (request.headers["webhook-id"] for request in receiver.requests)
    assert first != second


def test_a_secret_that_is_not_there_stops_pushes_and_is_named(hub: Hub, receiver: Receiver) -> None:
    with pytest.raises(TargetUnavailable, match="secret 'absent' cannot be read"):
        hub.push(secret="absent")  # noqa: S106 - a name
    assert receiver.requests == []


def test_a_key_that_is_malformed_is_not_shown(hub: Hub) -> None:
    hub.secrets.texts["hooks"] = "hidden"
    with pytest.raises(TargetUnavailable) as failed:
        hub.push(secret="hooks")  # noqa: S106 - a name
    assert "hidden" not in repr(failed.value)


# Answers


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_success_is_an_acknowledgement(hub: Hub, receiver: Receiver, status: int) -> None:
    receiver.answers = [answer(status)]
    assert hub.push() == {}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422, 451])
def test_a_client_error_parks_every_event_with_the_targets_words(hub: Hub, receiver: Receiver, status: int) -> None:
    receiver.answers = [answer(status, b"no such account", Content_Type="text/plain")]
    refusals = hub.push(event(1), event(2), mode="batched")
    assert sorted(refusals) == [0, 1]
    assert all(refusal.park and refusal.reason.startswith(f"{status} ") for refusal in refusals.values())
    assert refusals[0].reason.endswith(": no such account")


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 599, 600, 101])
def test_a_server_error_means_that_the_target_is_unavailable(hub: Hub, receiver: Receiver, status: int) -> None:
    receiver.answers = [answer(status, b"overloaded")]
    with pytest.raises(TargetUnavailable, match=rf"^{status}\b"):
        hub.push()


@pytest.mark.parametrize(
    ("status", "retry_after", "delay_ms"),
    [
        (429, "7", 7000),
        (503, "7", 7000),
        (429, "0", 1000),
        (429, "Tue, 14 Nov 2023 22:14:20 GMT", 60_000),
        (503, "Tuesday, 14-Nov-23 22:14:20 GMT", 60_000),
        (429, "Tue Nov 14 22:14:20 2023", 60_000),
        (503, "Tue, 14 Nov 2023 22:12:20 GMT", 1000),
        (429, "99999", 3_600_000),
        (429, "soon", None),
        (429, "-1", None),
        (429, "9" * 40, None),
        (429, "Tue, 99 Nov 2023 22:14:20 GMT", None),
    ],
)
def test_a_target_asks_to_slow_down(
    hub: Hub, receiver: Receiver, status: int, retry_after: str, delay_ms: int | None
) -> None:
    receiver.answers = [answer(status, Retry_After=retry_after)]
    with pytest.raises(TargetThrottled) as throttled:
        hub.push()
    assert throttled.value.delay_ms == delay_ms


def test_too_many_requests_need_no_time_to_be_a_throttle(hub: Hub, receiver: Receiver) -> None:
    receiver.answers = [answer(429)]
    with pytest.raises(TargetThrottled) as throttled:
        hub.push()
    assert throttled.value.delay_ms is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(authority: Authority, hub: Hub, receiver: Receiver, status: int) -> None:
    with Receiver.serving(authority.server) as other:
        receiver.answers = [answer(status, Location=f"https://localhost:{other.port}/secret\x1b[2J")]
        [refusal] = hub.push().values()
    assert refusal.park
    assert refusal.reason.endswith(
        f": redirects are not followed; it pointed to https://localhost:{other.port}/secret[2J"
    )
    assert other.connections == 0


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (b"a\r\n\tb\x00\x1b[31mc\x7f", {}, "a b[31mc"),
        ("ä\u202e\u2028b".encode(), {"Content_Type": "application/problem+json"}, "ä b"),
        (b"x" * 5000, {"Content_Type": "text/html; charset=utf-8"}, "x" * 200),
        (b"\xff\xfe", {}, ""),
        (b"caf\xe9", {"Content_Type": "text/plain; charset=latin-1"}, "caf\ufffd"),
        (b"GIF89a", {"Content_Type": "image/gif"}, ""),
        (b"\x1f\x8b", {"Content_Type": "text/plain", "Content_Encoding": "gzip"}, ""),
        (b"", {}, ""),
    ],
)
def test_the_words_of_a_target_are_one_line_of_text(
    hub: Hub, receiver: Receiver, body: bytes, headers: dict[str, str], words: str
) -> None:
    receiver.answers = [answer(400, body, **headers)]
    assert hub.push()[0].reason == f"400 Bad Request: {words}".removesuffix(": ")


def test_a_chunked_answer_is_read(hub: Hub, receiver: Receiver) -> None:
    head = b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n"
    receiver.answers = [head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"]
    assert hub.push()[0].reason == "400 Bad Request: abcde"
    assert hub.push()[0].reason == "400 Bad Request: abcde"
    assert receiver.connections == 1


def test_answers_before_the_final_one_are_passed_over(hub: Hub, receiver: Receiver) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    receiver.answers = [
        b"HTTP/1.1 100 Continue\r\n\r\n" + hints + hints + answer(400, b"no", Content_Type="text/plain")
    ]
    for _ in range(2):
        assert hub.push()[0].reason == "400 Bad Request: no"
    assert receiver.connections == 1


# Slow and hostile targets


def test_a_target_that_does_not_answer_is_given_up_in_time(hub: Hub, receiver: Receiver) -> None:
    receiver.answers = [stalling(b"")]
    with pytest.raises(TargetUnavailable, match="no answer within 200 ms"):
        hub.push(timeout_ms=200)


def test_a_target_that_sends_a_byte_at_a_time_is_given_up_in_time(hub: Hub, receiver: Receiver) -> None:
    def drip(stream: socket.socket, receiver: Receiver) -> bool:
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000:
            stream.sendall(bytes([byte]))
            if receiver.released.wait(0.02):
                break
        return False

    receiver.answers = [drip]
    with pytest.raises(TargetUnavailable, match="no answer within 300 ms"):
        hub.push(timeout_ms=300)


def test_a_target_that_takes_no_more_of_a_request_is_given_up_in_time(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hub = Hub(authority, silent.getsockname()[1])
        large = event(1, data='"' + "x" * 8_000_000 + '"')
        with pytest.raises(TargetUnavailable, match="no answer within 300 ms"):
            hub.push(large, address=f"http://127.0.0.1:{hub.port}/", timeout_ms=300)


def test_a_handshake_that_does_not_end_is_given_up_in_time(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hub = Hub(authority, silent.getsockname()[1])
        with pytest.raises(TargetUnavailable, match="no answer within 200 ms"):
            hub.push(timeout_ms=200)


def test_a_success_whose_body_does_not_end_is_a_success(hub: Hub, receiver: Receiver) -> None:
    receiver.answers = [stalling(answer(200, Content_Length="10") + b"ab"), OK]
    assert hub.push() == {}
    assert hub.push() == {}
    assert receiver.connections == 2


def test_an_error_whose_body_does_not_end_is_an_error(hub: Hub, receiver: Receiver) -> None:
    receiver.answers = [stalling(answer(400, Content_Length="10") + b"ab")]
    assert hub.push()[0].reason == "400 Bad Request"


def test_no_more_than_the_beginning_of_a_body_is_read(hub: Hub, receiver: Receiver) -> None:
    sent = []

    def flood(stream: socket.socket, _receiver: Receiver) -> bool:
        stream.sendall(b"HTTP/1.1 400 No\r\n\r\n")
        for _ in range(1000):
            stream.sendall(b"x" * 65536)
            sent.append(65536)
        return False

    receiver.answers = [flood]
    assert hub.push()[0].reason == "400 Bad Request: " + "x" * 200
    assert receiver.closed.acquire(timeout=10)
    assert sum(sent) < 1000 * 65536


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"\r\n",
    ],
)
def test_what_is_no_answer_means_that_the_target_is_unavailable(hub: Hub, receiver: Receiver, content: bytes) -> None:
    receiver.answers = [closing(content)]
    with pytest.raises(TargetUnavailable, match=r"the answer is not HTTP|the connection"):
        hub.push()


def test_a_chunk_without_a_size_does_not_hide_the_status(hub: Hub, receiver: Receiver) -> None:
    receiver.answers = [closing(b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    assert hub.push()[0].reason == "400 Bad Request"


def test_an_answer_before_the_request_was_taken_counts(authority: Authority) -> None:
    with hasty(answer(413, b"too much", Connection="close")) as port:
        large = event(1, data='"' + "x" * 8_000_000 + '"')
        [refusal] = Hub(authority, port).push(large, address=f"http://127.0.0.1:{port}/").values()
    assert refusal.reason.endswith(": too much")


def test_an_answer_that_does_not_begin_is_given_up_by_its_size(hub: Hub, receiver: Receiver) -> None:
    def go_on(stream: socket.socket, _receiver: Receiver) -> bool:
        while True:
            stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)

    receiver.answers = [go_on]
    with pytest.raises(TargetUnavailable, match="the answer is not HTTP"):
        hub.push()


# Connections


def test_a_connection_is_kept(hub: Hub, receiver: Receiver) -> None:
    for _ in range(3):
        hub.push()
    assert [request.connection for request in receiver.requests] == [1, 1, 1]


def test_a_connection_that_is_not_to_be_kept_is_closed(hub: Hub, receiver: Receiver) -> None:
    receiver.answers = [answer(200, Connection="close"), OK]
    hub.push()
    hub.push()
    assert [request.connection for request in receiver.requests] == [1, 2]


def test_a_connection_that_was_closed_between_calls_is_not_used(hub: Hub, receiver: Receiver) -> None:
    receiver.answers = [closing(OK), OK]
    assert hub.push() == {}
    assert receiver.closed.acquire(timeout=10)
    assert hub.push() == {}
    assert [request.connection for request in receiver.requests] == [1, 2]


def test_a_kept_connection_that_closes_under_a_request_is_replaced_once(hub: Hub, receiver: Receiver) -> None:
    receiver.answers = [OK, closing(), OK]
    assert hub.push() == {}
    assert hub.push() == {}
    assert [request.connection for request in receiver.requests] == [1, 1, 2]


def test_a_new_connection_that_closes_under_a_request_is_not_replaced(hub: Hub, receiver: Receiver) -> None:
    receiver.answers = [closing()]
    with pytest.raises(TargetUnavailable, match="the connection was closed without an answer"):
        hub.push()
    assert len(receiver.requests) == 1


class Breaking(socket.socket):
    """A connected socket that receives some pieces, and then a reset."""

    pieces: Sequence[bytes] = ()

    def send(self, content: Any, *_: int) -> int:  # noqa: ANN401 - any buffer
        return len(content)

    def recv_into(self, buffer: Any, *_: int) -> int:  # noqa: ANN401 - any buffer
        if not self.pieces:
            raise ConnectionResetError(104, "Connection reset by peer")
        piece, *self.pieces = self.pieces
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize(("pieces", "connections"), [([OK, b"HTTP/1.1 2"], 1), ([OK], 2)])
def test_a_kept_connection_that_broke_within_an_answer_is_not_replaced(pieces: list[bytes], connections: int) -> None:
    connected = 0
    peers: list[socket.socket] = []

    def connect(_address: IPAddress, _port: int, _seconds: float) -> socket.socket:
        nonlocal connected
        connected += 1
        near, far = socket.socketpair()
        peers.append(far)
        breaking = Breaking(fileno=near.detach())
        breaking.pieces = pieces if connected == 1 else ()
        return breaking

    hub = Hub(None, 80, connecting=connect)
    assert hub.push(address="http://127.0.0.1/") == {}
    with pytest.raises(TargetUnavailable, match="Connection reset"):
        hub.push(address="http://127.0.0.1/")
    assert connected == connections
    for peer in peers:
        peer.close()


def test_bytes_between_calls_are_no_answer_to_the_next_request(hub: Hub, receiver: Receiver) -> None:
    kept, sent = threading.Event(), threading.Event()

    def speak_out_of_turn(stream: socket.socket, _receiver: Receiver) -> bool:
        stream.sendall(OK)
        kept.wait(10)
        stream.sendall(answer(400, b"smuggled"))
        sent.set()
        return True

    receiver.answers = [speak_out_of_turn, OK]
    assert hub.push() == {}
    kept.set()
    assert sent.wait(10)
    assert hub.push() == {}
    assert [request.connection for request in receiver.requests] == [1, 2]


def test_bytes_after_an_answer_are_no_answer_to_the_next_request(hub: Hub, receiver: Receiver) -> None:
    receiver.answers = [OK + answer(400, b"smuggled"), OK]
    assert hub.push() == {}
    assert hub.push() == {}
    assert [request.connection for request in receiver.requests] == [1, 2]


@pytest.mark.parametrize("limit", ["_MAX_IDLE_SECONDS", "_MAX_AGE_SECONDS"])
def test_a_connection_that_was_idle_or_open_for_long_is_not_used(
    hub: Hub, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    hub.push()
    monkeypatch.setattr(f"eventstore.adapters.http.connections.{limit}", -1.0)
    hub.push()
    assert receiver.connections == 2


def test_calls_side_by_side_have_connections_of_their_own(hub: Hub, receiver: Receiver) -> None:
    both = threading.Barrier(2)

    def meet(stream: socket.socket, _receiver: Receiver) -> bool:
        both.wait(10)
        stream.sendall(OK)
        return True

    receiver.answers = [meet]
    threads = [threading.Thread(target=hub.push) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(request.connection for request in receiver.requests) == [1, 2]


def test_a_target_that_nobody_serves_is_unavailable(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(TargetUnavailable, match="the connection failed: Connection refused"):
        Hub(authority, port).push(address=f"https://127.0.0.1:{port}/")


def test_the_next_address_is_tried_if_one_does_not_answer(authority: Authority, receiver: Receiver) -> None:
    addresses = [ip_address("127.0.0.2"), ip_address("127.0.0.1")]
    hub = Hub(authority, receiver.port, resolving=lambda _host, _deadline: addresses)
    assert hub.push() == {}
    hub.connections.close()


# Security


def test_the_variables_of_proxies_are_ignored(hub: Hub, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert hub.push() == {}
    assert len(receiver.requests) == 1


def test_a_certificate_of_an_unknown_authority_is_refused(receiver: Receiver) -> None:
    with pytest.raises(TargetUnavailable, match="the certificate was not accepted"):
        Hub(None, receiver.port).push()
    assert receiver.requests == []


def test_a_certificate_for_another_host_is_refused(authority: Authority, receiver: Receiver) -> None:
    hub = Hub(authority, receiver.port, resolving=to("127.0.0.1"))
    with pytest.raises(TargetUnavailable, match="the certificate was not accepted: Hostname mismatch"):
        hub.push(address=f"https://other.example.com:{receiver.port}/")
    assert receiver.requests == []


def test_the_certificate_is_checked_for_the_name_and_not_for_the_address(
    authority: Authority, receiver: Receiver
) -> None:
    hub = Hub(authority, receiver.port, resolving=to("127.0.0.1"))
    assert hub.push(address=f"https://hooks.example.com:{receiver.port}/") == {}
    assert receiver.requests[0].headers["host"] == f"hooks.example.com:{receiver.port}"
    hub.connections.close()


def test_a_plain_target_of_this_machine_is_called_if_the_setting_allows_it(authority: Authority) -> None:
    with Receiver.serving() as plain:
        plain.answers = [OK]
        hub = Hub(authority, plain.port)
        assert hub.push(address=f"http://127.0.0.1:{plain.port}/") == {}
        hub.connections.close()


def to(*addresses: str) -> Callable[[str, Deadline], list[IPAddress]]:
    """A resolver that answers with one address after the other."""
    left = [ip_address(address) for address in addresses]
    return lambda _host, _deadline: [left.pop(0) if len(left) > 1 else left[0]]


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254", "64:ff9b::7f00:1"]
)
def test_a_name_that_resolves_to_a_private_address_is_not_called(authority: Authority, address: str) -> None:
    connected: list[str] = []
    hub = Hub(authority, 443, rules=UrlRules(), resolving=to(address), connecting=recording(connected))
    with pytest.raises(TargetUnavailable, match="resolves to an address that is not public") as failed:
        hub.push(address="https://hooks.example.com/")
    assert connected == []
    assert address not in str(failed.value)


def test_a_name_that_is_rebound_after_the_check_is_not_resolved_again(authority: Authority) -> None:
    connected: list[str] = []
    resolving = to("93.184.215.14", "127.0.0.1")
    hub = Hub(authority, 443, rules=UrlRules(), resolving=resolving, connecting=recording(connected))
    with pytest.raises(TargetUnavailable, match="the connection failed"):
        hub.push(address="https://hooks.example.com/")
    assert connected == ["93.184.215.14:443"]
    with pytest.raises(TargetUnavailable, match="not public"):
        hub.push(address="https://hooks.example.com/")
    assert connected == ["93.184.215.14:443"]


def recording(connected: list[str]) -> Callable[[IPAddress, int, float], socket.socket]:
    def connect(address: IPAddress, port: int, _seconds: float) -> socket.socket:
        connected.append(f"{address}:{port}")
        raise ConnectionRefusedError(111, "Connection refused")

    return connect


def test_connecting_by_an_address_asks_no_resolver(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", None)
    connect_to(ip_address("127.0.0.1"), receiver.port, 5.0).close()


def test_a_target_that_the_settings_no_longer_allow_is_not_called(authority: Authority, receiver: Receiver) -> None:
    hub = Hub(authority, receiver.port, rules=UrlRules())
    with pytest.raises(TargetUnavailable, match="not public"):
        hub.push()
    assert receiver.connections == 0


def test_a_name_that_does_not_exist_is_unavailable(hub: Hub) -> None:
    def unknown(_host: str, _deadline: Deadline) -> list[IPAddress]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    failing = Hub(None, hub.port, resolving=unknown)
    with pytest.raises(TargetUnavailable, match="the name of the host was not resolved: Name or service not known"):
        failing.push(address="https://localhost/")


def test_a_resolver_that_does_not_answer_is_given_up_in_time(
    hub: Hub, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: receiver.released.wait(10) and [])
    with pytest.raises(TargetUnavailable, match="no answer within 200 ms"):
        hub.push(timeout_ms=200)


def test_reasons_do_not_show_the_path_which_may_be_secret(authority: Authority) -> None:
    hub = Hub(authority, 443, rules=UrlRules(), resolving=to("10.0.0.1"))
    with pytest.raises(TargetUnavailable) as failed:
        hub.push(address="https://hooks.example.com/hidden?token=hidden")
    assert "hidden" not in str(failed.value)
