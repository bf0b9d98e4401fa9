"""Every use case holds its caller to what the access allows; a new one that forgets it is found here."""

from __future__ import annotations

import ast
from inspect import Parameter, isfunction, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.access import FULL, Access, Scope
from eventstore.durable.admin import Changes, DurableSubscriptions, StartPosition
from eventstore.durable.directory import Directory, ParkedStream
from eventstore.durable.filter_admin import FilterAdmin
from eventstore.durable.membership import Members
from eventstore.errors import ConnectionNotFound, FilterNotFound, Forbidden, SubscriptionNotFound
from eventstore.filters import parse_filters
from eventstore.groups import AckStream, Nack, Parked
from eventstore.hub.hub import Hub
from eventstore.hub.operations import Operations
from eventstore.hub.settings import Settings
from eventstore.live.open_connections import OpenConnections
from eventstore.live.subscribe import Subscriptions
from eventstore.positions import BEGINNING
from eventstore.read.filter_directory import FilterDirectory
from eventstore.read.pages import AllQuery, StreamQuery
from eventstore.read.reader import Reader
from eventstore.read.schema_directory import SchemaDirectory
from eventstore.read.selection import Selection
from eventstore.streams import Retention, StreamConfig
from eventstore.subscriptions import EVENTSTORE, Connection, Durable, Subscription
from eventstore.write.publisher import Publisher
from eventstore.write.schema_admin import SchemaAdmin
from eventstore.write.stream_admin import StreamAdmin
from tests.examples import event
from tests.fakes.letters import FakeLetters
from tests.fakes.queues import FakeDispatchQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eventstore_hosting.valkey import ValkeyServer

_ROOT = Path(__file__).parents[3]

_USE_CASES: Mapping[str, type] = {
    "connections": OpenConnections,
    "directory": Directory,
    "durable_subscriptions": DurableSubscriptions,
    "filter_admin": FilterAdmin,
    "filters": FilterDirectory,
    "members": Members,
    "operations": Operations,
    "publisher": Publisher,
    "reader": Reader,
    "schema_admin": SchemaAdmin,
    "schemas": SchemaDirectory,
    "streams": StreamAdmin,
    "subscriptions": Subscriptions,
}

_OF_THE_HUB = {
    "members.disconnect": "the gateway says so of a connection that is gone",
    "members.leave": "follows from a connection's end",
    "members.unsubscribe": "a connection ends what it began",
    "subscriptions.connection": "asks whether the caller's own connection is there",
    "subscriptions.wake": "follows a start that was made with an access",
}
"""What takes no access, and why."""

_FOR_ALL = {"operations.ping"}
"""What whoever has a credential may do."""

_STREAM, _DURABLE, _FILTER, _TYPE = "t2:wf", "t2:workers", "t2:failures", "order.placed"


def _durable(name: str = _DURABLE) -> Durable:
    return Durable("0" * 24, name, parse_filters([{"prefix": {"hubstream": "t2:"}}]))


def _subscription(**wanted: Any) -> Subscription:  # noqa: ANN401 - as Subscription has it
    return Subscription("1" * 24, "c", "s", wanted.get("filter", parse_filters([])), wanted.get("streams", ()))


def _yes() -> bool:
    return True


_CALLS: Mapping[str, Callable[[Any, Access], object]] = {
    "connections.close": lambda to, access: to.close("c", access=access),
    "connections.list": lambda to, access: to.list(access=access, count=9, may_go_on=_yes).connections,
    "directory.describe": lambda to, access: to.describe(_DURABLE, access=access),
    "directory.failed_event": lambda to, access: to.failed_event(
        ParkedStream(_DURABLE, _STREAM, 0, Parked(BEGINNING, 1, 1, [], 0, BEGINNING)), access=access
    ),
    "directory.list": lambda to, access: to.list(access=access, count=1),
    "directory.parked": lambda to, access: to.parked(access=access, stream=_STREAM, count=1),
    "directory.standings": lambda to, access: list(to.standings(access=access)),
    "durable_subscriptions.change": lambda to, access: to.change(_DURABLE, Changes(max_attempts=2), access=access),
    "durable_subscriptions.create": lambda to, access: to.create(_durable("t2:new"), StartPosition(), access=access),
    "durable_subscriptions.delete": lambda to, access: to.delete(_DURABLE, access=access),
    "durable_subscriptions.redrive": lambda to, access: to.redrive(_DURABLE, None, "start", access=access),
    "durable_subscriptions.replay": lambda to, access: to.replay(_DURABLE, StartPosition(oldest=True), access=access),
    "filter_admin.delete": lambda to, access: to.delete(_FILTER, access=access),
    "filter_admin.put": lambda to, access: to.put(_FILTER, parse_filters([]), access=access),
    "filters.combined": lambda to, access: to.combined(parse_filters([]), _FILTER, access=access),
    "filters.describe": lambda to, access: to.describe(_FILTER, access=access),
    "filters.list": lambda to, access: to.list(access=access, count=1),
    "members.acknowledge": lambda to, access: to.acknowledge("c", "w", [], access=access),
    "members.acknowledge_stream": lambda to, access: to.acknowledge_stream(
        "w", AckStream("c", _STREAM, 1), access=access
    ),
    "members.fail": lambda to, access: to.fail("w", Nack("c", _STREAM, 1, "no", None, park=True), access=access),
    "members.join": lambda to, access: to.join("c", "w", _DURABLE, access=access),
    "members.release": lambda to, access: to.release("c", "w", 0, access=access),
    "operations.ping": lambda to, access: to.ping(access=access),
    "operations.partitions": lambda to, access: to.partitions(access=access),
    "operations.renew_epoch": lambda to, access: to.renew_epoch(access=access),
    "operations.statistics": lambda to, access: to.statistics(access=access),
    "publisher.publish": lambda to, access: to.publish([event("new")], access=access, stream=_STREAM),
    "reader.describe": lambda to, access: to.describe(_STREAM, access=access),
    "reader.find": lambda to, access: to.find("1", access=access, stream=_STREAM),
    "reader.read": lambda to, access: to.read(_STREAM, StreamQuery(), access=access, may_go_on=_yes),
    "reader.search": lambda to, access: to.search(
        AllQuery(selection=Selection(streams=(_STREAM,))), access=access, may_go_on=_yes
    ),
    "reader.streams": lambda to, access: to.streams(access=access, count=1),
    "reader.wait": lambda to, access: to.wait(to.describe(_STREAM, access=FULL).state, access=access, seconds=0.0),
    "schema_admin.delete": lambda to, access: to.delete(_TYPE, access=access),
    "schema_admin.put": lambda to, access: to.put(_TYPE, {}, enforce=False, access=access),
    "schemas.describe": lambda to, access: to.describe(_TYPE, access=access),
    "schemas.list": lambda to, access: to.list(access=access, count=1),
    "streams.configure": lambda to, access: to.configure(
        _STREAM, lambda _: StreamConfig(Retention(max_events=1)), access=access
    ),
    "streams.create": lambda to, access: to.create("t2:new", StreamConfig(), access=access),
    "streams.fork": lambda to, access: to.fork(_STREAM, "t2:wf~fork", access=access),
    "streams.delete": lambda to, access: to.delete(_STREAM, access=access),
    "subscriptions.check": lambda to, access: to.check(_subscription(streams=(_STREAM,)), access=access),
    "subscriptions.connect": lambda to, access: to.connect(Connection("new", EVENTSTORE, 0), access=access),
    "subscriptions.start": lambda to, access: to.start(_subscription(streams=(_STREAM,)), access=access),
}

_CONFINED = {
    "connections.list": "lists nothing of others",
    "directory.list": "lists nothing of others",
    "directory.standings": "lists nothing of others",
    "filters.list": "lists nothing of others",
    "operations.partitions": "tells no more than a number",
    "operations.statistics": "tells nothing then",
    "reader.streams": "lists nothing of others",
    "schemas.describe": "types belong to no tenant",
    "schemas.list": "types belong to no tenant",
    "subscriptions.connect": "names no stream",
    "members.acknowledge": "of what the connection joined, with an access",
    "members.acknowledge_stream": "as acknowledge",
    "members.fail": "as acknowledge",
    "members.release": "as acknowledge",
}
"""What is allowed with an access to other streams, and why it does no harm."""


@pytest.fixture
def hub(valkey: ValkeyServer) -> Iterator[Hub]:
    """A hub with one stream, one durable subscription, one named filter, and a connection that takes part in it."""
    found = Hub(Settings.from_environment({"REDIS_URL": valkey.url, "PARTITIONS": "4"}))
    found.redis.flushall()
    found.dispatch_queue, found.letters = FakeDispatchQueue(), FakeLetters()
    found.publisher.publish([event("1")], access=FULL, stream=_STREAM)
    found.durable_subscriptions.create(_durable(), StartPosition(oldest=True), access=FULL)
    found.filter_admin.put(_FILTER, parse_filters([{"exact": {"type": "t"}}]), access=FULL)
    found.schema_admin.put(_TYPE, {"type": "object"}, enforce=False, access=FULL)
    found.subscriptions.connect(Connection("c", EVENTSTORE, 0), access=FULL)
    yield found
    found.close()


def _kept(hub: Hub) -> Mapping[str, object]:
    """All that the store holds."""
    redis: Any = hub.redis
    return {key: redis.dump(key) for key in sorted(redis.keys())}


def _methods() -> Iterator[tuple[str, Any]]:
    for name, kind in _USE_CASES.items():
        for method, function in vars(kind).items():
            if isfunction(function) and not method.startswith("_"):
                yield f"{name}.{method}", function


def test_every_use_case_takes_an_access_that_cannot_be_left_out() -> None:
    wanting = {
        name
        for name, method in _methods()
        if (access := signature(method).parameters.get("access")) is None
        or access.kind is not Parameter.KEYWORD_ONLY
        or access.default is not Parameter.empty
    }
    assert wanting == set(_OF_THE_HUB)


def test_every_use_case_is_walked() -> None:
    assert set(_CALLS) == {name for name, _ in _methods()} - set(_OF_THE_HUB)


@pytest.mark.parametrize("name", sorted(set(_CALLS) - _FOR_ALL))
def test_without_a_scope_nothing_is_allowed_and_nothing_changes(hub: Hub, name: str) -> None:
    _join(hub, name)
    before = _kept(hub)
    with pytest.raises(Forbidden, match="scope"):
        _CALLS[name](getattr(hub, name.partition(".")[0]), Access.of("nobody", []))
    assert _kept(hub) == before


@pytest.mark.parametrize("name", sorted(set(_CALLS) - _FOR_ALL - set(_CONFINED)))
def test_with_an_access_to_other_streams_nothing_is_allowed_and_nothing_changes(hub: Hub, name: str) -> None:
    _join(hub, name)
    before = _kept(hub)
    with pytest.raises((ConnectionNotFound, FilterNotFound, Forbidden, SubscriptionNotFound)):
        _CALLS[name](getattr(hub, name.partition(".")[0]), Access.of("other", Scope, tenants=["t1"]))
    assert _kept(hub) == before


@pytest.mark.parametrize("name", sorted(set(_CALLS) - {"durable_subscriptions.redrive", "members.acknowledge"}))
def test_with_full_access_the_same_calls_are_done(hub: Hub, name: str) -> None:
    """Else the two tests above would be refused for something else."""
    _join(hub, name)
    _CALLS[name](getattr(hub, name.partition(".")[0]), FULL)


@pytest.mark.parametrize(
    "name", ["connections.list", "directory.list", "directory.standings", "filters.list", "reader.streams"]
)
def test_what_is_listed_is_in_reach(hub: Hub, name: str) -> None:
    hub.subscriptions.connect(Connection("own", EVENTSTORE, 0), access=Access.of("own", Scope, tenants=["t2"]))
    call, to = _CALLS[name], getattr(hub, name.partition(".")[0])
    assert list(call(to, Access.of("own", Scope, tenants=["t2"])))  # type: ignore[call-overload]
    assert not list(call(to, Access.of("other", Scope, tenants=["t1"])))  # type: ignore[call-overload]


def test_the_doors_ask_use_cases_alone() -> None:
    """What the functions of both APIs use of the hub: no port, which holds nobody to anything."""
    used = {
        node.attr
        for door in ("rest", "websocket")
        for path in [*(_ROOT / "functions" / door).rglob("*.py"), _ROOT / "functions/handshake.py"]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call) and ast.unparse(node.value) == "hub()"
    }
    # The first message of a bare connection goes the way of frames, by the shards of the store.
    assert used - {"clock", "new_id", "settings", "deliveries", "shards"} <= set(_USE_CASES)


def _join(hub: Hub, name: str) -> None:
    if name.startswith("members.") and name != "members.join":
        hub.members.join("c", "w", _DURABLE, access=FULL)
