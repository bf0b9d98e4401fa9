"""Forks of streams: what they hold, how they are completed whatever happens, and that nobody receives them unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from eventstore.access import FULL, Access, Scope
from eventstore.cloudevents import from_json
from eventstore.durable.admin import Changes, StartPosition
from eventstore.errors import (
    EventNotFound,
    Forbidden,
    InvalidStream,
    StoreUnavailable,
    StreamConflict,
    StreamGone,
    StreamNotFound,
)
from eventstore.filters import parse_filters
from eventstore.groups import DeliverySettings
from eventstore.read.pages import AllQuery
from eventstore.read.reader import Reader
from eventstore.read.selection import Selection
from eventstore.streams import Origin, Retention, StreamConfig
from eventstore.subscriptions import Durable
from eventstore.write.limits import Limits
from eventstore.write.stream_admin import StreamAdmin
from tests.examples import event, events
from tests.functional.core.live import Live

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.ports import Log
    from eventstore.streams import StreamState
    from tests.examples import FakeClock

SOURCE, FORK = "wf", "wf~fork"
EVERYTHING = 10**9


class NoWakeups:
    """Wake-ups that count the partitions to wake up."""

    def __init__(self) -> None:
        self.partitions: list[int] = []

    def notify(self, partitions: Any) -> None:  # noqa: ANN401 - as the port has it
        self.partitions += partitions


class Dying:
    """A log that fails at its nth write, before or after it is stored."""

    def __init__(self, log: Log, *, at: int, stores: bool) -> None:
        self._log = log
        self._left = at
        self._stores = stores

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the log has it
        method = getattr(self._log, name)
        if name not in {"append", "create", "configure"}:
            return method

        def written(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - as above
            self._left -= 1
            if self._left:
                return method(*args, **options)
            if self._stores:
                method(*args, **options)
            raise StoreUnavailable("died")

        return written


def admin(log: Log, clock: FakeClock | None = None, *, limits: Limits | None = None) -> StreamAdmin:
    return StreamAdmin(log, NoWakeups(), clock=clock, limits=limits)


def forked(
    log: Log, until: int | None = None, *, clock: FakeClock | None = None, limits: Limits | None = None
) -> StreamState:
    return admin(log, clock, limits=limits).fork(SOURCE, FORK, access=FULL, until=until)[0]


def kept(log: Log, stream: str) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    while True:
        read = log.read(stream, start=len(found) + 1, stop=EVERYTHING, count=500)
        if not read.events:
            return found
        found += [(stored.sequence, stored.body) for stored in read.events]


def test_a_fork_has_the_first_events_of_a_stream_byte_for_byte(each_log: Log) -> None:
    text = '{"specversion":"1.0","id":"0","source":"/t","type":"t","n":7,"yes":true,"data":{"a":1.0,"b":"\\u00e4,"}}'
    binary = '{"specversion":"1.0","id":"b","source":"/t","type":"t","data_base64":"AAEC"}'
    each_log.append(SOURCE, [from_json(text), from_json(binary), *events(3)])
    state, created = admin(each_log).fork(SOURCE, FORK, access=FULL, until=4)
    assert created
    assert kept(each_log, FORK) == kept(each_log, SOURCE)[:4]
    assert state.config.forked_from == Origin(SOURCE, 1, 4, complete=True)
    assert each_log.describe(FORK) == state
    assert each_log.describe(SOURCE).config.forked_from is None


def test_without_until_all_events_are_copied(each_log: Log) -> None:
    each_log.append(SOURCE, events(5))
    assert forked(each_log).head == 5


def test_the_same_request_again_gives_the_same_fork_also_once_the_stream_is_gone(each_log: Log) -> None:
    each_log.append(SOURCE, events(5))
    first = forked(each_log, 3)
    each_log.append(SOURCE, events(2, start=6))
    assert forked(each_log, 3) == forked(each_log) == first
    each_log.delete(SOURCE, permanently=True)
    state, created = admin(each_log).fork(SOURCE, FORK, access=FULL, until=3)
    assert (state, created) == (first, False)


def test_another_stream_of_the_name_is_a_conflict(each_log: Log) -> None:
    each_log.append(SOURCE, events(5))
    each_log.append("other", events(5))
    forked(each_log, 3)
    with pytest.raises(StreamConflict, match="a fork of 'wf' up to 3; choose another name"):
        forked(each_log, 4)
    with pytest.raises(StreamConflict, match="a fork of 'wf'"):
        admin(each_log).fork("other", FORK, access=FULL)
    each_log.append("b~fork", events(1))
    with pytest.raises(StreamConflict, match="'b~fork' exists and is no fork"):
        admin(each_log).fork(SOURCE, "b~fork", access=FULL)
    assert each_log.describe("b~fork").head == 1


def test_a_request_that_cannot_be_fulfilled_creates_nothing(each_log: Log) -> None:
    each_log.append(SOURCE, events(5))
    each_log.create("empty", StreamConfig())
    with pytest.raises(InvalidStream, match=r"does not contain '~fork'.*'wf~fork'"):
        admin(each_log).fork(SOURCE, "shadow", access=FULL)
    with pytest.raises(InvalidStream, match="ends at sequence 5") as error:
        forked(each_log, 6)
    assert error.value.pointer == "/until"
    with pytest.raises(InvalidStream, match="it keeps no event"):
        admin(each_log).fork("empty", FORK, access=FULL)
    with pytest.raises(StreamNotFound):
        admin(each_log).fork("nothing", FORK, access=FULL)
    each_log.delete(SOURCE, permanently=True)
    with pytest.raises(StreamGone):
        forked(each_log)
    with pytest.raises(StreamNotFound):
        each_log.describe(FORK)


def test_both_streams_must_be_within_the_access(each_log: Log) -> None:
    each_log.append("a:wf", events(1))
    each_log.append("b:wf", events(1))
    access = Access.of("me", [Scope.ADMIN], tenants=["a"])
    with pytest.raises(Forbidden):
        admin(each_log).fork("b:wf", "a:wf~fork", access=access)
    with pytest.raises(Forbidden):
        admin(each_log).fork("a:wf", "b:wf~fork", access=access)
    with pytest.raises(Forbidden):
        admin(each_log).fork("a:wf", "a:wf~fork", access=Access.of("me", [Scope.READ], tenants=["a"]))
    assert admin(each_log).fork("a:wf", "a:wf~fork", access=access)[1]


def test_of_a_stream_whose_beginning_was_removed_the_kept_events_are_copied(each_log: Log) -> None:
    each_log.create(SOURCE, StreamConfig(Retention(max_events=3)))
    each_log.append(SOURCE, events(5))
    state = forked(each_log, 4)
    assert state.config.forked_from == Origin(SOURCE, 3, 4, complete=True)
    assert kept(each_log, FORK) == [(1, events(5)[2].body), (2, events(5)[3].body)]
    with pytest.raises(InvalidStream, match="nothing to copy up to 2: the oldest event that it keeps is 3"):
        admin(each_log).fork(SOURCE, "b~fork", access=FULL, until=2)


def test_a_long_stream_is_copied_in_pieces_that_an_append_may_hold(each_log: Log) -> None:
    for start in range(1, 1200, 300):
        each_log.append(SOURCE, events(300, start=start))
    sizes: list[int] = []
    append = each_log.append

    def noted(stream: str, piece: Sequence[Any], **options: Any) -> Any:  # noqa: ANN401 - as `append` has it
        sizes.append(sum(len(one.body) for one in piece))
        return append(stream, piece, **options)

    each_log.append = noted  # type: ignore[method-assign]
    forked(each_log, limits=Limits(batch_bytes=8_000))
    assert max(sizes) <= 8_000
    assert len(sizes) < 30
    assert kept(each_log, FORK) == kept(each_log, SOURCE)


def test_large_events_behind_small_ones_do_not_exceed_an_append(each_log: Log) -> None:
    each_log.append(SOURCE, events(100))
    large = [event(f"large{number}", data="x" * 3_000) for number in range(20)]
    each_log.append(SOURCE, large)
    forked(each_log, limits=Limits(batch_bytes=4_000))
    assert kept(each_log, FORK) == kept(each_log, SOURCE)


def test_a_request_whose_time_is_over_is_continued_by_the_next(each_log: Log, clock: FakeClock) -> None:
    each_log.append(SOURCE, events(400))
    read = each_log.read

    def slow(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - as `read` has it
        # The first read of a request exceeds its time, so that it copies one piece.
        clock.pass_seconds(11)
        return read(*args, **options)

    each_log.read = slow  # type: ignore[method-assign]
    states = [forked(each_log, clock=clock, limits=Limits(batch_events=50))]
    while not (origin := states[-1].config.forked_from) or not origin.complete:
        states.append(forked(each_log, clock=clock, limits=Limits(batch_events=50)))
        assert len(states) < 20
    assert [state.head for state in states] == [*range(32, 400, 32), 400]
    each_log.read = read  # type: ignore[method-assign]
    assert kept(each_log, FORK) == kept(each_log, SOURCE)


@pytest.mark.parametrize("stores", [True, False])
def test_a_request_that_dies_at_any_write_is_completed_by_the_same_request(each_log: Log, *, stores: bool) -> None:
    each_log.append(SOURCE, events(200))
    for at in range(1, 20):
        to = f"wf~fork-{at}"
        dying: Any = Dying(each_log, at=at, stores=stores)
        try:
            admin(dying, limits=Limits(batch_events=40)).fork(SOURCE, to, access=FULL)
        except StoreUnavailable:
            state, _ = admin(each_log, limits=Limits(batch_events=60)).fork(SOURCE, to, access=FULL)
            assert state.config.forked_from == Origin(SOURCE, 1, 200, complete=True)
            assert kept(each_log, to) == kept(each_log, SOURCE)
        else:
            break
    assert at > 6


def test_two_requests_at_once_make_one_fork(each_log: Log) -> None:
    each_log.append(SOURCE, events(300))
    append = each_log.append
    others = iter([Limits(batch_events=7), Limits(batch_events=33)])

    def overtaken(stream: str, piece: Sequence[Any], **options: Any) -> Any:  # noqa: ANN401 - as `append` has it
        if (limits := next(others, None)) is not None:
            forked(each_log, limits=limits)
        return append(stream, piece, **options)

    each_log.append = overtaken  # type: ignore[method-assign]
    forked(each_log, limits=Limits(batch_events=50))
    assert kept(each_log, FORK) == kept(each_log, SOURCE)


def started(log: Log, count: int) -> None:
    """Make the beginning of a fork, as a request does that dies."""
    log.create(FORK, StreamConfig(forked_from=Origin(SOURCE, 1, 5)))
    log.append(FORK, events(count))


def test_a_fork_that_others_published_to_before_it_was_complete_is_refused(each_log: Log) -> None:
    each_log.append(SOURCE, events(5))
    started(each_log, 2)
    each_log.append(FORK, [event("foreign")])
    for _ in range(2):
        with pytest.raises(StreamConflict, match="holds events that others published"):
            forked(each_log)
    each_log.append(FORK, events(5, start=10))
    with pytest.raises(StreamConflict, match="holds events that others published"):
        forked(each_log)


def test_a_fork_whose_remaining_events_were_removed_is_refused(each_log: Log) -> None:
    each_log.append(SOURCE, events(5))
    started(each_log, 2)
    each_log.delete(SOURCE)
    with pytest.raises(StreamConflict, match="from sequence 2 were removed before they were copied"):
        forked(each_log)
    each_log.append(SOURCE, events(5))
    each_log.delete(FORK)
    with pytest.raises(StreamConflict, match="'wf~fork' were removed before it was complete"):
        forked(each_log)


def test_changed_settings_keep_the_origin(each_log: Log) -> None:
    each_log.append(SOURCE, events(2))
    forked(each_log)
    known = each_log.describe(FORK)
    config = StreamConfig(Retention(max_events=9), {"who": "me"}, known.config.forked_from)
    assert each_log.configure(known, config)
    assert each_log.describe(FORK).config == config


def test_a_read_of_all_streams_and_of_an_id_leaves_forks_out_unless_they_are_named(each_log: Log) -> None:
    each_log.append(SOURCE, events(3))
    forked(each_log)
    each_log.append(FORK, [event("only here")])
    reader = Reader(each_log)

    def found(*streams: str) -> list[str]:
        query = AllQuery(selection=Selection(streams=streams))
        return [one.stream for one in reader.search(query, access=FULL, may_go_on=lambda: True).events]

    assert found() == [SOURCE] * 3
    assert found(FORK) == [FORK] * 4
    assert reader.find("1", access=FULL).stream == SOURCE
    assert reader.find("1", access=FULL, stream=FORK).stream == FORK
    with pytest.raises(EventNotFound):
        reader.find("only here", access=FULL)
    assert [state.name for state in reader.streams(access=FULL, count=9)] == [SOURCE, FORK]


BY_TYPE = {"exact": {"type": "io.flunq.task.completed"}}
BY_STREAM = {"prefix": {"hubstream": "wf"}}


@pytest.fixture
def live(client: Client) -> Live:
    return Live(client)


def placed(messages: Sequence[dict[str, Any]]) -> list[str]:
    """The streams and sequences of the events of messages."""
    found = [one for message in messages if message["type"] == "events" for one in message["events"]]
    return [f"{one['hubstream']} {one['hubsequence']}" for one in found]


class TestSubscribers:
    @pytest.mark.parametrize("filters", [[], [BY_TYPE], [BY_STREAM]])
    def test_of_all_streams_they_receive_no_event_of_a_fork(self, live: Live, filters: list[object]) -> None:
        live.subscribe("production", filters=filters)
        live.settle()
        live.store.publish(events(2), stream=SOURCE)
        live.store.fork(SOURCE, FORK)
        live.store.publish([event("later")], stream=FORK)
        live.settle()
        live.subscribe("late", filters=filters, oldest=True)
        live.settle()
        received = live.received()
        assert placed(received["production"]) == placed(received["late"]) == ["wf 1", "wf 2"]

    @pytest.mark.parametrize("filters", [[], [BY_TYPE]])
    def test_of_the_fork_they_receive_its_events_and_later_ones(self, live: Live, filters: list[object]) -> None:
        live.store.publish(events(2), stream=SOURCE)
        live.subscribe("shadow", filters=filters, streams=[FORK])
        live.settle()
        live.store.fork(SOURCE, FORK)
        live.settle()
        live.store.publish([event("later")], stream=FORK)
        live.settle()
        live.subscribe("late", filters=filters, streams=[FORK], oldest=True)
        live.settle()
        received = live.received()
        wanted = ["wf~fork 1", "wf~fork 2", "wf~fork 3"]
        assert placed(received["shadow"]) == placed(received["late"]) == wanted

    def test_of_all_streams_they_are_not_notified_of_a_forks_deletion(self, live: Live) -> None:
        live.store.publish(events(2), stream=SOURCE)
        live.store.fork(SOURCE, FORK)
        live.settle()
        live.subscribe("production", filters=[])
        live.subscribe("shadow", streams=[FORK])
        live.settle()
        live.received()
        live.store.delete(FORK, permanently=True)
        live.settle()
        received = live.received()
        assert [message["type"] for message in received["shadow"]] == ["truncated"]
        assert "production" not in received


class TestGroups:
    def group(self, live: Live, name: str, *filters: object, streams: Sequence[str] = (), in_flight: int = 9) -> None:
        key = f"{len(name):024x}"
        settings = DeliverySettings(max_in_flight=in_flight)
        durable = Durable(key, name, parse_filters(list(filters)), tuple(streams), settings)
        live.operators.create(durable, StartPosition(oldest=True))
        live.connect(name)
        live.members.join(name, "w", name)

    def taken(self, live: Live, name: str, most: int = 99) -> list[str]:
        """What a member receives, which acknowledges each frame."""
        found: list[str] = []
        for _ in range(most):
            live.settle()
            messages = [one for one in live.received().get(name, []) if one["type"] == "events"]
            if not messages:
                return found
            found += placed(messages)
            live.members.acknowledge(name, "w", [messages[-1]["cursor"]])
        return found

    @pytest.mark.parametrize("filters", [[], [BY_TYPE], [BY_STREAM]])
    def test_of_all_streams_they_receive_no_event_of_a_fork(self, live: Live, filters: list[object]) -> None:
        live.store.publish(events(2), stream=SOURCE)
        live.store.fork(SOURCE, FORK)
        self.group(live, "production", *filters)
        assert self.taken(live, "production") == ["wf 1", "wf 2"]
        live.store.publish(events(3), stream=SOURCE)
        live.store.fork(SOURCE, "b~fork")
        assert self.taken(live, "production") == ["wf 3"]
        live.operators.replay("production", StartPosition(oldest=True))
        assert self.taken(live, "production") == ["wf 1", "wf 2", "wf 3"]

    def test_of_the_fork_they_receive_its_events_in_order(self, live: Live) -> None:
        live.store.publish(events(3), stream=SOURCE)
        self.group(live, "shadow", streams=[FORK])
        live.settle()
        live.store.fork(SOURCE, FORK, until=2)
        assert self.taken(live, "shadow") == ["wf~fork 1", "wf~fork 2"]

    def test_many_events_of_a_fork_cost_a_group_few_turns(self, live: Live) -> None:
        live.store.publish(events(600), stream=SOURCE)
        self.group(live, "production", in_flight=1000)
        assert len(self.taken(live, "production")) == 600
        live.operators.change("production", Changes(max_in_flight=1))
        live.store.fork(SOURCE, FORK)
        live.store.publish([event("later")], stream=SOURCE)
        turns = live.turns.begin
        begun: list[int] = []

        def noted(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - as `begin` has it
            begun.append(1)
            return turns(*args, **options)

        live.turns.begin = noted  # type: ignore[method-assign]
        assert self.taken(live, "production") == ["wf 601"]
        assert len(begun) < 20
