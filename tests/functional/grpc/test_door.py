from __future__ import annotations

import json
import queue
import threading
import time
from dataclasses import replace
from hashlib import sha256
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from eventstore.errors import EventNotFound, SettingsError
from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_proto.flunq.eventstore.v1 import operations_service_pb2, subscription_service_pb2
from eventstore_server.grpc.connections import Connections
from eventstore_server.grpc.door import SERVICES, GrpcDoor
from eventstore_server.grpc.frames import FrameEncoder
from eventstore_server.grpc.options import GrpcOptions
from eventstore_server.grpc.statuses import SessionClosed
from eventstore_server.metrics.catalogue import ServerMetrics
from eventstore_server.sessions import GOING_AWAY, STOPPING
from functions.authorizer.keys import ApiKeys
from tests.functional.grpc.events import event, failing, publish
from tests.functional.grpc.served import Served
from tests.grpc_stubs import Stub
from tests.tls import Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from eventstore_hosting.valkey import ValkeyServer

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def test_health_is_reported_for_the_server_and_for_each_service(served: Served) -> None:
    health = health_pb2_grpc.HealthStub(served.channel)
    for name in ("", *(service.full_name for service in SERVICES)):
        assert health.Check(health_pb2.HealthCheckRequest(service=name)).status == _SERVING


def test_reflection_describes_the_services_and_what_they_import(served: Served) -> None:
    reflection = reflection_pb2_grpc.ServerReflectionStub(served.channel)
    listing = reflection_pb2.ServerReflectionRequest(list_services="")
    symbol = "io.cloudevents.v1.CloudEvent"
    asked = reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)
    listed, described = reflection.ServerReflectionInfo(iter([listing, asked]))
    names = {service.name for service in listed.list_services_response.service}
    assert {service.full_name for service in SERVICES} < names
    files = map(FileDescriptorProto.FromString, described.file_descriptor_response.file_descriptor_proto)
    assert "io/cloudevents/v1/cloudevents.proto" in {file.name for file in files}


def test_a_server_that_drains_says_so_and_ends_subscriptions_so_that_they_resume(served: Served) -> None:
    health = health_pb2_grpc.HealthStub(served.channel)
    watch = health.Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == _SERVING
    subscription = served.events.Subscribe(messages.SubscribeRequest())
    next(subscription)
    watch_statuses: list[int] = []
    follower = threading.Thread(target=lambda: watch_statuses.append(next(watch).status))
    follower.start()
    served.in_loop(served.door.drain(5))
    code, info = failing(lambda: list(subscription))
    assert (code, info.reason) == (grpc.StatusCode.UNAVAILABLE, "going-away")
    follower.join(20)
    assert watch_statuses == [_NOT_SERVING]
    assert served.sessions.by_id == {}


def _begin_to_drain(served: Served, seconds: float) -> threading.Thread:
    """Drain in a thread, which is returned once the server says that it does."""
    draining = threading.Thread(target=lambda: served.in_loop(served.door.drain(seconds)))
    draining.start()
    watch = health_pb2_grpc.HealthStub(served.channel).Watch(health_pb2.HealthCheckRequest())
    while next(watch).status == _SERVING:
        pass
    return draining


def test_a_server_that_drains_refuses_new_calls_while_it_finishes_others(served: Served) -> None:
    began, may_go_on = threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> None:
        began.set()
        may_go_on.wait(20)
        raise EventNotFound("1")

    served.hub.reader.find = slow  # type: ignore[assignment, method-assign]
    stub: Any = Stub(served.channel, SERVICES[0])
    running = stub.Get.future(messages.GetRequest(key=messages.EventKey(id="1")), timeout=60)
    assert began.wait(20)
    draining = _begin_to_drain(served, 20)
    code, info = failing(lambda: served.events.Publish(publish("s", "1")))
    assert (code, info.reason) == (grpc.StatusCode.UNAVAILABLE, "going-away")
    may_go_on.set()
    draining.join(20)
    assert running.code() is grpc.StatusCode.NOT_FOUND


def _drain_at_once(served: Served, responses: Any) -> None:  # noqa: ANN401 - a call
    """Drain; a call must end with the reason, and before the grace is over."""
    began = time.monotonic()
    served.in_loop(served.door.drain(15))
    assert time.monotonic() - began < 10
    code, info = failing(lambda: list(responses))
    assert (code, info.reason) == (grpc.StatusCode.UNAVAILABLE, "going-away")


def test_a_member_that_has_yet_to_join_ends_at_once_when_the_server_drains(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = threading.Event()
    wait = served.door._drain.wait

    async def wait_and_say_so(client: Any) -> Any:  # noqa: ANN401 - those of `wait`
        waits.set()
        return await wait(client)

    monkeypatch.setattr(served.door._drain, "wait", wait_and_say_so)
    requests: queue.Queue[messages.WorkRequest | None] = queue.Queue()
    responses = served.events.Work(iter(requests.get, None))
    assert waits.wait(20)
    _drain_at_once(served, responses)
    requests.put(None)


def test_a_publisher_that_pauses_ends_at_once_when_the_server_drains(served: Served) -> None:
    requests: queue.Queue[messages.PublishStreamRequest | None] = queue.Queue()
    responses = served.events.PublishStream(iter(requests.get, None))
    requests.put(messages.PublishStreamRequest(stream="s", events=[event("1")]))
    assert next(responses).acknowledgements[0].published.sequence == 1
    _drain_at_once(served, responses)
    requests.put(None)


def test_events_that_have_arrived_when_the_server_drains_are_stored_and_acknowledged(served: Served) -> None:
    began, may_go_on = threading.Event(), threading.Event()
    publishing = served.hub.publisher.publish

    def slow(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - those of `publish`
        began.set()
        may_go_on.wait(20)
        return publishing(*arguments, **options)

    served.hub.publisher.publish = slow  # type: ignore[method-assign]
    requests: queue.Queue[messages.PublishStreamRequest | None] = queue.Queue()
    responses = served.events.PublishStream(iter(requests.get, None))
    requests.put(messages.PublishStreamRequest(stream="s", events=[event("1")]))
    assert began.wait(20)
    draining = _begin_to_drain(served, 15)
    may_go_on.set()
    assert next(responses).acknowledgements[0].published.sequence == 1
    code, info = failing(lambda: list(responses))
    assert (code, info.reason) == (grpc.StatusCode.UNAVAILABLE, "going-away")
    draining.join(20)
    requests.put(None)


def test_no_call_becomes_a_connection_once_connections_were_closed(served: Served) -> None:
    connections = Connections(
        served.sessions,
        buffer_bytes=1000,
        drained=lambda _: None,
        metrics=ServerMetrics(),
    )
    connections.close(GOING_AWAY, STOPPING)

    async def join() -> None:
        call: Any = SimpleNamespace(hub=served.hub)
        async with connections.feed(call, FrameEncoder(messages.WorkResponse), form=0):
            raise AssertionError("the call has joined")

    with pytest.raises(SessionClosed) as caught:
        served.in_loop(join())
    assert caught.value.code == GOING_AWAY


def test_a_port_that_is_taken_is_an_error_that_names_it(served: Served) -> None:
    options = GrpcOptions(port=served.door.port)
    second = GrpcDoor(served.hub, served.sessions, threads=served.threads, options=options)
    with pytest.raises(OSError, match=f"127.0.0.1:{served.door.port}.*GRPC_PORT=…, or --grpc-port"):
        served.in_loop(second.start())


def test_no_work_begins_for_a_call_whose_deadline_has_passed(served: Served) -> None:
    may_go_on = threading.Event()
    busy = [served.start(served.threads.run(lambda: may_go_on.wait(20))) for _ in range(4)]
    with pytest.raises(grpc.RpcError) as caught:
        served.events.Publish(publish("s", "1"), timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    may_go_on.set()
    for job in busy:
        assert job.result(20)
    # The threads come to this call after what waited before it.
    code, info = failing(lambda: list(served.events.Read(messages.ReadRequest(stream="s"))))
    assert (code, info.reason) == (grpc.StatusCode.NOT_FOUND, "stream-not-found")


def test_a_message_that_is_too_long_is_refused_before_it_is_read(served: Served) -> None:
    request = messages.PublishRequest(stream="x" * 7_000_000)
    with pytest.raises(grpc.RpcError) as caught:
        served.events.Publish(request)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_method_that_does_not_exist_is_unimplemented(served: Served) -> None:
    call = served.channel.unary_unary(f"/{SERVICES[0].full_name}/None", None, None)
    with pytest.raises(grpc.RpcError) as caught:
        call(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_an_unexpected_error_reveals_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(type(served.hub.publisher), "publish", fail)
    code, info = failing(lambda: served.events.Publish(publish("s", "1")))
    assert (code, info.reason) == (grpc.StatusCode.INTERNAL, "internal")


_KEYS = {
    "writer": {"scopes": ["publish"]},
    "reader": {"scopes": ["read", "subscribe"]},
    "tenant": {"scopes": ["publish", "read", "subscribe", "admin"], "tenants": ["acme"]},
}


@pytest.fixture
def guarded(valkey: ValkeyServer, tmp_path: Path) -> Iterator[Served]:
    """A door that requires API keys, which are their own names."""
    document = tmp_path / "keys.json"
    entries = [{"id": name, "sha256": sha256(name.encode()).hexdigest(), **key} for name, key in _KEYS.items()]
    document.write_text(json.dumps({"keys": entries}))
    served = Served(valkey.url, auth="key", check=ApiKeys(document.read_text).access)
    yield served
    served.close()


def _reason(call: Any, request: Any, *metadata: tuple[str, str]) -> str:  # noqa: ANN401 - a call and its request
    """The reason for which a call fails; empty if it does not."""
    try:
        response = call(request, metadata=metadata)
        if hasattr(response, "cancel"):
            next(response)
            response.cancel()
    except grpc.RpcError as error:
        caught = error
    else:
        return ""

    def again() -> None:
        raise caught

    return failing(again)[1].reason


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ([], "unauthorized"),
        ([("x-api-key", "unknown")], "unauthorized"),
        ([("authorization", "Basic writer")], "unauthorized"),
        ([("authorization", "Bearer writer"), ("x-api-key", "reader")], "unauthorized"),
        ([("x-api-key", "reader")], "forbidden"),
        ([("x-api-key", "writer")], ""),
        ([("authorization", "Bearer writer")], ""),
    ],
)
def test_a_credential_in_metadata_grants_what_it_grants_over_rest(
    guarded: Served, metadata: list[tuple[str, str]], reason: str
) -> None:
    assert _reason(guarded.events.Publish, publish("s", "1"), *metadata) == reason


@pytest.mark.parametrize("key", ["", "reader", "tenant"])
def test_each_method_is_refused_without_a_credential_that_allows_it(guarded: Served, key: str) -> None:
    metadata = [("x-api-key", key)] if key else []
    refused = {"": "unauthorized", "reader": "forbidden", "tenant": "forbidden"}[key]
    stream = "other:s"
    calls = [
        (guarded.events.Publish, publish(stream, "1")),
        (guarded.subscriptions.CreateSubscription, subscription_service_pb2.CreateSubscriptionRequest(id=stream)),
    ]
    if key != "reader":
        calls += [
            (guarded.events.Read, messages.ReadRequest(stream=stream)),
            (guarded.events.ReadAll, messages.ReadAllRequest(streams=[stream])),
            (guarded.events.Get, messages.GetRequest(place=messages.EventPlace(stream=stream, sequence=1))),
            (guarded.events.Subscribe, messages.SubscribeRequest(streams=[stream])),
        ]
    else:
        calls.append((guarded.operations.GetStats, operations_service_pb2.GetStatsRequest()))
    assert {_reason(call, request, *metadata) for call, request in calls} == {refused}


def test_a_tenant_receives_only_its_own_streams(guarded: Served) -> None:
    metadata = [("x-api-key", "tenant")]
    guarded.events.Publish(publish("acme:s", "1"), metadata=metadata)
    guarded.events.Publish(publish("other:s", "2"), metadata=[("x-api-key", "writer")])
    responses = list(guarded.events.ReadAll(messages.ReadAllRequest(), metadata=metadata))
    assert [json.loads(event.json)["id"] for response in responses for event in response.events] == ["1"]
    stats = guarded.operations.GetStats(operations_service_pb2.GetStatsRequest(), metadata=metadata)
    assert not stats.HasField("streams")
    assert (stats.backend.name, stats.backend.HasField("lag")) == ("redis", False)


def test_health_and_reflection_need_no_credential(guarded: Served) -> None:
    health = health_pb2_grpc.HealthStub(guarded.channel)
    assert health.Check(health_pb2.HealthCheckRequest()).status == _SERVING


@pytest.mark.parametrize("auth", ["iam", "jwt", "key"])
def test_a_door_that_cannot_check_credentials_does_not_start(served: Served, auth: str) -> None:
    served.hub.settings = replace(served.hub.settings, auth=auth)
    door = GrpcDoor(served.hub, served.sessions, threads=served.threads, options=GrpcOptions(port=0))
    with pytest.raises(SettingsError, match=f"AUTH={auth}"):
        served.in_loop(door.start())


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"GRPC_TLS_CERT": "/none/at/all"}, "GRPC_TLS_CERT=/none/at/all"),
        ({"GRPC_TLS_KEY": __file__}, "belong together"),
        ({"GRPC_TLS_CLIENT_CA": __file__}, "requires TLS"),
    ],
)
def test_a_variable_that_is_wrong_is_named(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        GrpcOptions.from_environment(environment)


def test_tls_is_served_from_files_and_asks_clients_for_certificates(valkey: ValkeyServer, tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    pair = tmp_path / "server.pem"
    environment = {"GRPC_TLS_CERT": pair, "GRPC_TLS_KEY": pair, "GRPC_TLS_CLIENT_CA": authority.certificate}
    options = GrpcOptions.from_environment({name: str(path) for name, path in environment.items()})
    served = Served(
        valkey.url,
        certificate=options.certificate,
        private_key=options.private_key,
        client_authorities=options.client_authorities,
    )
    trusted = authority.certificate.read_bytes()
    known = grpc.ssl_channel_credentials(trusted, pair.read_bytes(), pair.read_bytes())
    try:
        for credentials, expected in (
            (known, None),
            (grpc.ssl_channel_credentials(trusted), grpc.StatusCode.UNAVAILABLE),
        ):
            with grpc.secure_channel(f"127.0.0.1:{served.door.port}", credentials) as channel:
                assert _code(lambda: Stub(channel, SERVICES[0]).Publish(publish("s", "1"))) is expected
        assert _code(lambda: served.events.Publish(publish("s", "1"))) is grpc.StatusCode.UNAVAILABLE
    finally:
        served.close()


def _code(call: Callable[[], object]) -> grpc.StatusCode | None:
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    return None
