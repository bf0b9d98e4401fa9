"""The SDK over gRPC: credentials, TLS, pages, losses and refusals. Suites of `tests/functional/client` run so, too."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from eventstore_client import (
    ApiKey,
    AwsIam,
    Backoff,
    Bearer,
    ConnectFailed,
    Denied,
    Invalid,
    Loss,
    Missing,
    NoCredentials,
    NotFound,
    Unencrypted,
)
from eventstore_client.async_io import AsyncIo
from eventstore_client.blocking import finish
from eventstore_client.grpc import event_rpcs, sockets
from eventstore_client.grpc.channels import open_channel
from eventstore_client.grpc.inbox import Inbox
from eventstore_client.grpc.sockets import AsyncGrpcSocket, GrpcSocket
from eventstore_client.messages import SUBSCRIPTION_ID
from eventstore_server.grpc.options import GrpcOptions
from functions.authorizer.keys import ApiKeys
from tests.faces import FACES
from tests.functional.client.test_forking import in_a_child
from tests.functional.grpc.served import Served
from tests.tls import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eventstore_client import EventStore, Recorded
    from eventstore_hosting.valkey import ValkeyServer

# Python 3.12 warns about forks of processes with threads.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")

_BACKOFF = Backoff(first=0.001, longest=0.01, patience=10.0)


def event(number: int, **members: object) -> dict[str, Any]:
    return {"specversion": "1.0", "id": str(number), "source": "/s", "type": "t", "data": {"n": number}, **members}


def address(served: Served, scheme: str = "grpc") -> str:
    return f"{scheme}://127.0.0.1:{served.door.port}"


@pytest.fixture(params=[*FACES])
def store(served: Served, request: pytest.FixtureRequest) -> Iterator[EventStore]:
    """A client of each face."""
    with FACES[request.param](address(served), backoff=_BACKOFF) as store:
        yield store


@pytest.fixture
def guarded(valkey: ValkeyServer, tmp_path: Path) -> Iterator[Served]:
    """A door that requires the API key `known`."""
    document = tmp_path / "keys.json"
    entry = {"id": "known", "sha256": sha256(b"known").hexdigest(), "scopes": ["publish", "subscribe"]}
    document.write_text(json.dumps({"keys": [entry]}))
    served = Served(valkey.url, auth="key", check=ApiKeys(document.read_text).access)
    yield served
    served.close()


@pytest.mark.parametrize("url", ["grpc://", "grpc://127.0.0.1", "grpc://127.0.0.1:9001/api"])
def test_an_address_without_host_and_port_alone_is_refused(url: str) -> None:
    with pytest.raises(ConnectFailed, match="not an address of gRPC with a host and a port"):
        FACES["blocking"](url)


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    with pytest.raises(ConnectFailed, match="must not contain a user or a password") as refused:
        FACES["blocking"]("grpc://me:secret@127.0.0.1:9001")
    assert "secret" not in str(refused.value)


def test_one_address_is_for_subscriptions_too() -> None:
    with (
        FACES["blocking"]("grpc://127.0.0.1:9001/", websocket_url="ws://127.0.0.1:8081/ws") as store,
        pytest.raises(ConnectFailed, match="is used for subscriptions, too: omit the WebSocket address"),
    ):
        store.subscribe()


def test_without_the_libraries_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("eventstore_client.grpc")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "grpc", None)

    with pytest.raises(ConnectFailed, match=r"pip install 'flunq-eventstore-client\[grpc\]'"):
        FACES["blocking"]("grpc://127.0.0.1:9001")


def test_what_grpc_does_not_have_names_the_address_of_http(store: EventStore) -> None:
    with pytest.raises(Invalid, match=r"gRPC has no named filters: use the hub's HTTP address, such as http://"):
        list(store.filters.list())
    with pytest.raises(Invalid, match="gRPC has no schemas of event types"):
        store.schemas.put("t", {})
    store.streams.create("s", labels={"a": "1"})
    with pytest.raises(Invalid, match="gRPC cannot remove all labels of a stream at once"):
        store.streams.change("s", labels=None)


def test_a_stream_is_forked(store: EventStore) -> None:
    store.publish([event(1), event(2)], stream="s")

    forked = store.streams.fork("s", "s~fork-1", until=1)

    assert forked.forked_from is not None
    assert (forked.name, forked.head, forked.forked_from.stream, forked.forked_from.until) == ("s~fork-1", 1, "s", 1)
    assert [found.id for found in store.read("s~fork-1")] == ["1"]


def test_health_says_that_the_server_serves(store: EventStore) -> None:
    assert store.health() == {"status": "ok"}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("credentials", [ApiKey("known"), Bearer("known")], ids=["key", "token"])
def test_credentials_authenticate_calls_and_subscriptions(
    guarded: Served, face: str, credentials: ApiKey | Bearer
) -> None:
    with FACES[face](address(guarded), credentials=credentials) as store, store.subscribe(start="start") as events:
        store.publish([event(1)], stream="s")

        assert next(events).id == "1"
        with pytest.raises(Denied, match="the request was sent with the"):
            store.get("1")


@pytest.mark.parametrize("face", FACES)
def test_a_token_that_expired_is_renewed_once(guarded: Served, face: str) -> None:
    tokens = ["expired", "known", "expired"]

    with FACES[face](address(guarded), credentials=Bearer(tokens.pop), backoff=_BACKOFF) as store:
        store.publish([event(1)], stream="s")
        assert tokens == ["expired"]
        # Whoever subscribes renews the token.
        with pytest.raises(Denied, match="the request was sent with the bearer token"):
            store.subscribe()


def test_a_subscription_without_credentials_is_denied(guarded: Served) -> None:
    with FACES["blocking"](address(guarded)) as store, pytest.raises(Denied, match="no credentials: pass credentials="):
        store.subscribe()


def test_credentials_are_not_sent_where_they_cannot_be_used() -> None:
    with pytest.raises(Unencrypted, match="use a grpcs:// address"):
        FACES["blocking"]("grpc://hub.example:9001", credentials=ApiKey("known"))
    with (
        FACES["blocking"]("grpc://127.0.0.1:9001", credentials=AwsIam()) as store,
        pytest.raises(NoCredentials, match="an AWS IAM signature covers requests over HTTP only"),
    ):
        store.stats()


@pytest.mark.parametrize("face", FACES)
def test_tls_trusts_the_authorities_that_the_environment_names(
    valkey: ValkeyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, face: str
) -> None:
    authority = Authority.make(tmp_path)
    pair = str(tmp_path / "server.pem")
    options = GrpcOptions.from_environment({"GRPC_TLS_CERT": pair, "GRPC_TLS_KEY": pair})
    served = Served(valkey.url, certificate=options.certificate, private_key=options.private_key)
    impatient = Backoff(patience=0)
    try:
        with FACES[face](address(served, "grpcs"), backoff=impatient) as store, pytest.raises(ConnectFailed):
            store.publish([event(1)], stream="s")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
        with FACES[face](address(served, "grpcs")) as store, store.subscribe(start="start") as events:
            store.publish([event(1)], stream="s")
            assert next(events).id == "1"
    finally:
        served.close()


def test_tls_trusts_a_folder_of_authorities_if_there_is_no_file(
    valkey: ValkeyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = Authority.make(tmp_path / "made").certificate
    pair = str(certificate.with_name("server.pem"))
    folder = tmp_path / "trusted"
    folder.mkdir()
    Authority.make(tmp_path / "other").certificate.rename(folder / "a.crt")
    certificate.rename(folder / "b.pem")
    (folder / "dangling.pem").symlink_to("none")
    (folder / "README").write_text("not a certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    options = GrpcOptions.from_environment({"GRPC_TLS_CERT": pair, "GRPC_TLS_KEY": pair})
    served = Served(valkey.url, certificate=options.certificate, private_key=options.private_key)
    try:
        with FACES["blocking"](address(served, "grpcs"), backoff=_BACKOFF) as store:
            assert store.health() == {"status": "ok"}
        (folder / "b.pem").unlink()
        with (
            FACES["blocking"](address(served, "grpcs"), backoff=Backoff(patience=0)) as store,
            pytest.raises(ConnectFailed, match="no response from"),
        ):
            store.health()
    finally:
        served.close()


def test_authorities_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone.pem"
    paths = ssl.get_default_verify_paths()._replace(cafile=str(gone))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    with pytest.raises(ConnectFailed, match=r"the authorities in .*gone\.pem cannot be read: No such file"):
        open_channel("grpcs://127.0.0.1:9001")


def test_without_authorities_of_the_system_the_library_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    given: list[bytes | None] = []
    credentials = grpc.ssl_channel_credentials
    monkeypatch.setattr(grpc, "ssl_channel_credentials", lambda roots: (given.append(roots), credentials(roots))[1])
    open_channel("grpcs://127.0.0.1:9001").close()
    assert given == [None]


def test_pages_end_where_they_are_large(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_rpcs, "_PAGE_BYTES", 100_000)
    large = "x" * 200_000
    for number in range(1, 8):
        store.publish([event(number, data=large)], stream="s")

    assert [found.sequence for found in store.read("s")] == [*range(1, 8)]
    assert [found.sequence for found in store.read("s", direction="backwards", page=3)] == [*range(7, 0, -1)]
    assert [found.sequence for found in store.search()] == [*range(1, 8)]
    assert [found.sequence for found in store.search(order="desc", page=2)] == [*range(7, 0, -1)]


def test_the_text_of_an_event_is_that_which_was_published(store: EventStore) -> None:
    text = (
        '{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"ü","data":{"n":12.50,"e":1e400,"i":'
        + "9" * 5_000
        + "}}"
    )
    store.publish([text], stream="s")

    [read] = store.read("s")
    with store.subscribe(start="start") as events:
        followed = next(events)

    assert read.text.startswith(text[:-1])
    assert followed == read == store.get("1") == next(iter(store.search()))


def test_a_loss_is_reported_to_a_read_and_to_a_subscription(served: Served, store: EventStore) -> None:
    losses: list[Loss] = []
    store.publish([event(1), event(2)], stream="s")
    with store.subscribe(stream="s", start="start") as events:
        assert (next(events).id, next(events).id) == ("1", "2")
        cursor = events.handled()
    store.publish([event(3)], stream="s")
    store.streams.change("s", max_events=1)
    store.publish([event(4)], stream="s")
    served.hub.sweeper.sweep(until=served.hub.clock.now() + 10_000)

    with store.subscribe(cursor=cursor, stream="s", on_loss=losses.append) as events:
        assert next(events).id == "4"
    assert losses == [Loss(missing=(Missing("s", 3, 3),))]


def test_a_member_of_a_deleted_subscription_ends(store: EventStore) -> None:
    store.subscriptions.create("workers", start="start")
    store.publish([event(1)], stream="s")
    handled: list[str] = []

    def handle(one: Recorded) -> None:
        handled.append(one.id)
        store.subscriptions.delete("workers")

    with store.work("workers") as worker, pytest.raises(NotFound):
        worker.run(handle)
    assert handled == ["1"]


@pytest.mark.parametrize("face", FACES)
def test_frames_that_were_received_before_the_call_ended_are_handled(
    served: Served, face: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub sends three frames, and ends the call, before the first event is handled."""

    def sent(kind: str, frame: int, **members: object) -> str:
        position = {"partition": 1, "frame": frame, "cursor": f"c{frame}"}
        return json.dumps({"type": kind, "id": SUBSCRIPTION_ID, **position, **members})

    def stored(number: int) -> dict[str, Any]:
        return event(number, hubstream="s", hubsequence=str(number), hubtime="2026-01-05T09:00:00Z")

    def read(inbox: Inbox, *_: object) -> None:
        inbox.put(sent("owned", 1))
        for number in (1, 2, 3):
            inbox.put(sent("events", number + 1, events=[stored(number)]))
        inbox._end(NotFound(status=None, code="subscription-not-found", detail="was deleted", problem={}))

    monkeypatch.setattr(Inbox, "read", read)
    handled: list[str] = []
    with (
        FACES[face](address(served), backoff=_BACKOFF) as store,
        store.work("workers") as worker,
        pytest.raises(NotFound, match="was deleted"),
    ):
        worker.run(lambda one: handled.append(one.id))
    assert handled == ["1", "2", "3"]


@pytest.mark.parametrize("face", [GrpcSocket, AsyncGrpcSocket])
def test_a_socket_that_is_closed_while_it_connects_says_so(
    served: Served, face: type[GrpcSocket | AsyncGrpcSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = sockets._LastingCall._subscribe

    def late(call: Any, request: Any) -> None:  # noqa: ANN401 - of the socket
        call.close()
        begin(call, request)

    async def subscribe() -> None:
        if face is AsyncGrpcSocket:
            socket: Any = await AsyncGrpcSocket.open(address(served), None, io=AsyncIo(1))
        else:
            socket = GrpcSocket.open(address(served), None)
        with pytest.raises(ConnectFailed, match="was closed"):
            await socket.send([json.dumps({"action": "subscribe", "from": "start"})])

    monkeypatch.setattr(sockets._LastingCall, "_subscribe", late)
    asyncio.run(subscribe())


def test_a_ping_is_answered_by_the_socket_itself_until_it_is_closed(served: Served) -> None:
    ping = ['{"action":', '"ping"}']
    socket = GrpcSocket.open(address(served), None)
    finish(socket.send(ping))

    async def in_a_loop() -> str:
        other = await AsyncGrpcSocket.open(address(served), None, io=AsyncIo(1))
        await other.send(ping)
        answer = await other.receive(10)
        with pytest.raises(TimeoutError):
            await other.receive(0)
        await other.close()
        return answer

    assert finish(socket.receive(10)) == asyncio.run(in_a_loop()) == '{"type":"pong"}'
    finish(socket.close())
    with pytest.raises(ConnectFailed, match="was closed"):
        finish(socket.send(ping))
    with pytest.raises(ConnectFailed, match="was closed"):
        finish(socket.receive(10))


@pytest.mark.parametrize("face", FACES)
def test_a_call_in_progress_completes_when_its_store_is_closed(
    served: Served, face: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on = threading.Event(), threading.Event()
    publish = served.hub.publisher.publish
    calls: list[object] = []

    def slow(*args: Any, **options: Any) -> object:  # noqa: ANN401 - what `publish` takes
        calls.append(args)
        begun.set()
        assert may_go_on.wait(20)
        return publish(*args, **options)

    monkeypatch.setattr(type(served.hub.publisher), "publish", lambda _, *args, **options: slow(*args, **options))
    with FACES[face](address(served), backoff=_BACKOFF) as store, ThreadPoolExecutor(1) as threads:
        publishing = threads.submit(store.publish, [event(1)], stream="s")
        assert begun.wait(20)
        store._transport.close()
        may_go_on.set()
        [stored] = publishing.result(20)

        assert (stored.duplicate, len(calls)) == (False, 1)
        assert store.health() == {"status": "ok"}


def test_a_child_publishes_over_a_connection_of_its_own(served: Served) -> None:
    with FACES["blocking"](address(served), backoff=_BACKOFF) as store:
        store.publish([event(1)], stream="parent")

        assert in_a_child(lambda: store.publish([event(2)], stream="child")) == 0

        store.publish([event(3)], stream="parent")
        assert [info.head for info in store.streams.list()] == [1, 2]
