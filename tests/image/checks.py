"""What must be so of the image. Each check raises `AssertionError` unless it is."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import grpc
import urllib3
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.sync.client import connect

from eventstore_client import EventStore
from tests.image.containers import network, running, volume
from tests.sam_local.commands import docker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore_client import Recorded
    from tests.image.containers import Container

__all__ = ["CHECKS"]

_MOST_BYTES = 150_000_000
_STOPPED_WITHIN = 10.0
_SERVING = b"\x08\x01"
_RECEIVED_WITHIN = 30.0
_FIND_VALKEY = "from eventstore_hosting.valkey.binary import find_binary; print(find_binary())"


def is_small(image: str) -> None:
    """It has less than 150 MB."""
    size = int(docker("image", "inspect", "--format", "{{.Size}}", image))
    assert size < _MOST_BYTES, f"{size:,} bytes"


def is_described(image: str) -> None:
    """Its user is a number that is not root, and its labels say what it is."""
    config = json.loads(docker("image", "inspect", "--format", "{{json .Config}}", image))
    assert int(config["User"].partition(":")[0]) > 0, config["User"]
    assert set(config["ExposedPorts"]) == {"8081/tcp", "9001/tcp"}, config["ExposedPorts"]
    assert config["Labels"]["org.opencontainers.image.title"] == "flunq-eventstore", config["Labels"]


def holds_only_the_server(image: str) -> None:
    """It has nothing of AWS, of the emulator or of the tests."""
    names = ("boto3", "botocore", "moto", "pytest", "pip", "eventstore_dev", "eventstore_client", "tests")
    program = f"from importlib.util import find_spec; print([name for name in {names} if find_spec(name)])"
    found = docker("run", "--rm", "--entrypoint", "python", image, "-c", program)
    assert found == "[]", found


def serves_all_doors(image: str) -> None:
    """Without root and without a writable file system it publishes, reads, and delivers, and gRPC is healthy."""
    with running(image) as hub:
        hub.await_healthy()
        live = urllib3.request("GET", f"{hub.url}/health/live")
        assert live.status == 200, live.status
        with EventStore(hub.url) as store, store.subscribe(stream="s", start="start") as events:
            store.publish([_event(1)], stream="s")
            assert next(events).id == "1"
            assert [event.id for event in store.read("s")] == ["1"]
        _require_grpc_health(hub)


def keeps_its_data(image: str) -> None:
    """It drains within ten seconds of SIGTERM while clients are connected, and its volume keeps the events."""
    with volume() as data, running(image, options=("--volume", f"{data}:/data")) as hub:
        hub.await_healthy()
        with EventStore(hub.url) as store:
            store.publish([_event(1)], stream="s")
        with connect(hub.websocket_url, proxy=None) as client:
            client.send(json.dumps({"action": "subscribe", "id": "s", "filters": []}))
            assert json.loads(client.recv(timeout=_RECEIVED_WITHIN))["type"] == "subscribed"
            seconds = hub.stop()
            assert seconds < _STOPPED_WITHIN, f"{seconds:.1f} s"
            assert hub.exit_code == 0, hub.exit_code
            assert _close_code(client) == CloseCode.GOING_AWAY
        hub.start()
        hub.await_healthy()
        with EventStore(hub.url) as store:
            assert [event.id for event in store.read("s")] == ["1"]


def shares_a_store(image: str) -> None:
    """Three instances on one store deliver what any of them stores, also after one is killed."""
    valkey = docker("run", "--rm", "--entrypoint", "python", image, "-c", _FIND_VALKEY)
    served = ("--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", "--dir", "/data")  # noqa: S104 - in the container
    with ExitStack() as stack:
        own = stack.enter_context(network())
        options = ("--network", own, "--entrypoint", valkey, "--no-healthcheck")
        store = stack.enter_context(running(image, *served, options=options))
        environment = {"REDIS_URL": f"redis://{store.name}:6379"}
        hubs = [
            stack.enter_context(running(image, environment=environment, options=("--network", own))) for _ in range(3)
        ]
        for hub in hubs:
            hub.await_healthy()
        first, second, third = (stack.enter_context(EventStore(hub.url)) for hub in hubs)
        made = urllib3.request("POST", f"{hubs[1].url}/api/v1/subscriptions", json={"id": "workers", "filters": []})
        assert made.status == 201, made.data
        events = stack.enter_context(third.subscribe(stream="s", start="start"))
        with third.work("workers") as worker:
            handled: list[str] = []

            def handle(event: Recorded) -> None:
                handled.append(event.id)
                if event.id == "2":
                    worker.close()

            working = threading.Thread(target=worker.run, args=(handle,), daemon=True)
            working.start()
            first.publish([_event(1)], stream="s")
            assert next(events).id == "1"
            hubs[0].kill()
            second.publish([_event(2)], stream="s")
            assert next(events).id == "2"
            working.join(_RECEIVED_WITHIN)
        assert handled == ["1", "2"], handled


CHECKS: Mapping[str, Callable[[str], None]] = {
    check.__doc__ or "": check
    for check in (
        is_small,
        is_described,
        holds_only_the_server,
        serves_all_doors,
        keeps_its_data,
        shares_a_store,
    )
}
"""The checks by what they say."""


def _event(number: int) -> Mapping[str, Any]:
    return {"specversion": "1.0", "id": str(number), "source": "/image", "type": "t", "data": {"number": number}}


def _require_grpc_health(hub: Container) -> None:
    with grpc.insecure_channel(hub.grpc) as channel:
        check: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
        answer = check(b"", timeout=_RECEIVED_WITHIN)
    assert answer == _SERVING, answer


def _close_code(client: Any) -> int | None:  # noqa: ANN401 - a connection of `websockets`
    try:
        while True:
            client.recv(timeout=_RECEIVED_WITHIN)
    except ConnectionClosed as error:
        return error.rcvd.code if error.rcvd is not None else None
