from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from eventstore.filters import parse_filters
from eventstore.hub.backends import CAPABILITIES
from eventstore.streams import DurableName
from eventstore.subscriptions import Durable, SubscriptionKey, Target
from eventstore_proto.flunq.eventstore.v1 import (
    event_store_service_pb2,
    events_pb2,
    operations_service_pb2,
)
from eventstore_proto.flunq.eventstore.v1 import stream_service_pb2 as streams
from eventstore_proto.flunq.eventstore.v1 import subscription_service_pb2 as durables
from eventstore_server.grpc import bodies
from tests.functional.grpc.events import failing, publish, violations

if TYPE_CHECKING:
    from tests.functional.grpc.served import Served


def _create(served: Served, **members: Any) -> durables.CreateSubscriptionResponse:  # noqa: ANN401 - fields
    request = durables.CreateSubscriptionRequest(**{"id": "d", **members})
    created: durables.CreateSubscriptionResponse = served.subscriptions.CreateSubscription(request)
    return created


def _filters() -> list[events_pb2.Filter]:
    values = events_pb2.AttributeValues(attributes={"type": "io.flunq."})
    opposite = events_pb2.Filter()
    getattr(opposite, "not").CopyFrom(events_pb2.Filter(sql="EXISTS subject"))
    either = events_pb2.Filter(any=events_pb2.Filters(filters=[events_pb2.Filter(suffix=values), opposite]))
    return [events_pb2.Filter(prefix=values), either]


def test_a_stream_is_forked_once_and_the_fork_says_where_it_comes_from(served: Served) -> None:
    served.events.Publish(publish("s", "1", "2", "3"))
    request = streams.ForkStreamRequest(stream="s", to="s~fork", until=2)
    first, again = served.streams.ForkStream(request), served.streams.ForkStream(request)
    assert (first.created, again.created) == (True, False)
    origin = first.stream.forked_from
    assert (origin.stream, origin.first, origin.until, origin.complete) == ("s", 1, 2, True)
    found = served.streams.GetStream(streams.GetStreamRequest(stream="s~fork")).stream
    assert found == first.stream == again.stream
    assert not served.streams.GetStream(streams.GetStreamRequest(stream="s")).stream.HasField("forked_from")
    code, info = failing(lambda: served.streams.ForkStream(streams.ForkStreamRequest(stream="s", to="s~fork", until=3)))
    assert (code, info.reason) == (grpc.StatusCode.ALREADY_EXISTS, "stream-conflict")
    code, info = failing(lambda: served.streams.ForkStream(streams.ForkStreamRequest(stream="s", to="shadow")))
    assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "invalid-stream")
    assert served.streams.ForkStream(streams.ForkStreamRequest(stream="s", to="all~fork")).stream.head == 3


def test_a_stream_is_created_once_with_its_settings(served: Served) -> None:
    request = streams.CreateStreamRequest(
        stream="s", retention=streams.Retention(max_events=5), labels={"team": "billing"}
    )
    first, again = served.streams.CreateStream(request), served.streams.CreateStream(request)
    assert (first.created, again.created) == (True, False)
    assert first.stream == again.stream
    assert (first.stream.id, first.stream.retention.max_events, dict(first.stream.labels)) == (
        "s",
        5,
        {"team": "billing"},
    )
    new = streams.CreateStreamRequest(stream="s", must_be_new=True)
    assert failing(lambda: served.streams.CreateStream(new))[1].reason == "wrong-expected-version"
    other = streams.CreateStreamRequest(stream="s")
    code, info = failing(lambda: served.streams.CreateStream(other))
    assert (code, info.reason) == (grpc.StatusCode.ALREADY_EXISTS, "stream-conflict")


def test_streams_are_listed_page_by_page(served: Served) -> None:
    for name in ("a1", "a2", "a3", "b1"):
        served.events.Publish(publish(name, "1"))
    first = served.streams.ListStreams(streams.ListStreamsRequest(prefix="a", limit=2))
    second = served.streams.ListStreams(streams.ListStreamsRequest(prefix="a", limit=2, cursor=first.next))
    assert [stream.id for stream in (*first.streams, *second.streams)] == ["a1", "a2", "a3"]
    assert second.next == ""
    too_many = streams.ListStreamsRequest(limit=1001)
    assert failing(lambda: served.streams.ListStreams(too_many))[1].reason == "invalid-query"


def test_a_stream_is_changed_at_the_version_that_was_read_and_at_no_other(served: Served) -> None:
    served.events.Publish(publish("s", "1"))
    version = served.streams.GetStream(streams.GetStreamRequest(stream="s")).version
    change = streams.ChangeStreamRequest(stream="s", max_age=60, labels={"a": "1", "b": "2"}, expected_version=version)
    changed = served.streams.ChangeStream(change)
    assert (changed.stream.retention.max_age, dict(changed.stream.labels)) == (60, {"a": "1", "b": "2"})
    code, info = failing(lambda: served.streams.ChangeStream(change))
    assert (code, info.reason) == (grpc.StatusCode.ABORTED, "wrong-expected-version")
    undo = streams.ChangeStreamRequest(stream="s", max_age=0, removed_labels=["a"], expected_version=changed.version)
    undone = served.streams.ChangeStream(undo).stream
    assert (undone.retention.max_age, dict(undone.labels)) == (0, {"b": "2"})


def test_a_change_that_changes_nothing_or_contradicts_itself_is_refused(served: Served) -> None:
    served.events.Publish(publish("s", "1"))
    nothing = streams.ChangeStreamRequest(stream="s")
    assert failing(lambda: served.streams.ChangeStream(nothing))[1].reason == "invalid-body"
    both = streams.ChangeStreamRequest(stream="s", labels={"a": "1"}, removed_labels=["a"])
    assert failing(lambda: served.streams.ChangeStream(both))[1].reason == "invalid-request"


def test_a_stream_is_deleted_only_at_the_expected_version(served: Served) -> None:
    served.events.Publish(publish("s", "1", "2"))
    wrong = streams.DeleteStreamRequest(stream="s", expected_version="1")
    assert failing(lambda: served.streams.DeleteStream(wrong))[1].reason == "wrong-expected-version"
    served.streams.DeleteStream(streams.DeleteStreamRequest(stream="s", expected_version="2", permanent=True))
    code, info = failing(lambda: served.streams.GetStream(streams.GetStreamRequest(stream="s")))
    assert (code, info.reason) == (grpc.StatusCode.NOT_FOUND, "stream-gone")


def test_a_durable_subscription_is_created_with_its_definition_and_described(served: Served) -> None:
    created = _create(served, filters=_filters(), streams=["s"], ack_deadline=20, max_attempts=3, max_in_flight=7)
    assert created.created
    subscription = created.subscription
    assert list(subscription.filters) == _filters()
    assert list(subscription.stream) == ["s"]
    assert (subscription.ack_deadline, subscription.max_attempts, subscription.max_in_flight) == (20, 3, 7)
    status = served.subscriptions.GetSubscription(durables.GetSubscriptionRequest(id="d"))
    assert status.subscription == subscription
    assert status.cursor
    assert [part.version for part in status.partitions] == [1]
    assert not _create(
        served, filters=_filters(), streams=["s"], ack_deadline=20, max_attempts=3, max_in_flight=7
    ).created


def test_durable_subscriptions_are_listed_page_by_page(served: Served) -> None:
    for name in ("d1", "d2", "d3"):
        _create(served, id=name)
    first = served.subscriptions.ListSubscriptions(durables.ListSubscriptionsRequest(limit=2))
    second = served.subscriptions.ListSubscriptions(durables.ListSubscriptionsRequest(cursor=first.next))
    assert [each.id for each in (*first.subscriptions, *second.subscriptions)] == ["d1", "d2", "d3"]


def test_a_durable_subscription_is_changed_at_the_version_that_was_read_and_at_no_other(served: Served) -> None:
    _create(served)
    version = served.subscriptions.GetSubscription(durables.GetSubscriptionRequest(id="d")).version
    change = durables.ChangeSubscriptionRequest(
        id="d", filters=events_pb2.Filters(filters=_filters()), max_attempts=9, expected_version=version
    )
    changed = served.subscriptions.ChangeSubscription(change)
    assert (list(changed.subscription.filters), changed.subscription.max_attempts) == (_filters(), 9)
    assert changed.subscription.ack_deadline == 30
    code, info = failing(lambda: served.subscriptions.ChangeSubscription(change))
    assert (code, info.reason) == (grpc.StatusCode.ABORTED, "wrong-subscription-version")
    assert info.metadata["version"] == changed.version
    everything = durables.ChangeSubscriptionRequest(id="d", filters=events_pb2.Filters())
    assert not served.subscriptions.ChangeSubscription(everything).subscription.filters


def test_a_durable_subscription_moves_to_another_position(served: Served) -> None:
    served.events.Publish(publish("s", "1"))
    _create(served, streams=["s"])
    for position in (
        {"start": event_store_service_pb2.START_OLDEST},
        {"since": Timestamp(seconds=1)},
        {"cursor": served.subscriptions.GetSubscription(durables.GetSubscriptionRequest(id="d")).cursor},
    ):
        request = durables.ReplaySubscriptionRequest(id="d", **position)
        assert len(served.subscriptions.ReplaySubscription(request).partitions) == 1
    nowhere = durables.ReplaySubscriptionRequest(id="d")
    assert failing(lambda: served.subscriptions.ReplaySubscription(nowhere))[1].reason == "invalid-body"


def test_a_durable_subscription_is_deleted_only_at_the_expected_version(served: Served) -> None:
    _create(served)
    wrong = durables.DeleteSubscriptionRequest(id="d", expected_version="7.x")
    assert failing(lambda: served.subscriptions.DeleteSubscription(wrong))[1].reason == "wrong-subscription-version"
    served.subscriptions.DeleteSubscription(durables.DeleteSubscriptionRequest(id="d"))
    gone = durables.GetSubscriptionRequest(id="d")
    assert failing(lambda: served.subscriptions.GetSubscription(gone))[1].reason == "subscription-not-found"


@pytest.mark.parametrize(
    ("members", "fields"),
    [
        ({"id": "no name"}, ["/id"]),
        ({"ack_deadline": 0, "max_attempts": 0}, ["/ack_deadline", "/max_attempts"]),
        ({"start": event_store_service_pb2.START_NOW, "cursors": ["x"]}, ["/from"]),
        ({"filters": [events_pb2.Filter()]}, ["/filters/0"]),
        ({"target": durables.Target(batch=3)}, ["/target"]),
    ],
)
def test_a_definition_that_breaks_rules_is_refused_with_the_places(
    served: Served, members: dict[str, Any], fields: list[str]
) -> None:
    assert violations(lambda: _create(served, **members)) == fields


def test_a_target_that_the_deployment_does_not_push_to_is_refused(served: Served) -> None:
    code, info = failing(lambda: _create(served, target=durables.Target(**{"lambda": "billing"})))
    assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "target-not-allowed")


def test_the_hubs_own_subscription_shows_its_topic_and_no_other_can_have_one(served: Served) -> None:
    topic = Target("kafka", "orders", batch=100, concurrency=1)
    own = Durable(SubscriptionKey("0" * 24), DurableName("kafka-orders"), parse_filters([]), target=topic)
    served.hub.durables.create(own, {})
    shown = served.subscriptions.GetSubscription(durables.GetSubscriptionRequest(id="kafka-orders"))
    assert (shown.subscription.target.kafka, shown.subscription.target.batch) == ("orders", 100)
    assert violations(lambda: _create(served, target=durables.Target(kafka="orders"))) == ["/target"]


def test_removing_and_changing_a_target_exclude_each_other(served: Served) -> None:
    _create(served)
    both = durables.ChangeSubscriptionRequest(id="d", target=durables.Target(batch=1), remove_target=True)
    assert failing(lambda: served.subscriptions.ChangeSubscription(both))[1].reason == "invalid-request"
    remove = durables.ChangeSubscriptionRequest(id="d", remove_target=True)
    assert not served.subscriptions.ChangeSubscription(remove).subscription.HasField("target")


def test_statistics_count_what_the_store_holds(served: Served) -> None:
    served.events.Publish(publish("s", "1"))
    _create(served)
    stats = served.operations.GetStats(operations_service_pb2.GetStatsRequest())
    assert (stats.partitions, stats.streams, stats.appends) == (4, 1, 1)
    assert [part.partition for part in stats.by_partition] == [0, 1, 2, 3]
    assert [(each.id, each.figures.in_flight) for each in stats.subscriptions] == [("d", 0)]


def test_statistics_say_what_the_backend_promises_and_how_far_its_index_is_behind(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.hub, "journal_lag", lambda: 5)
    backend = served.operations.GetStats(operations_service_pb2.GetStatsRequest()).backend
    assert (backend.name, dict(backend.capabilities), backend.lag) == ("redis", CAPABILITIES["redis"], 5)


def test_a_dead_letter_that_does_not_exist_is_not_found(served: Served) -> None:
    _create(served)
    request = durables.GetDeadLetterRequest(subscription="d", stream="s")
    assert failing(lambda: served.subscriptions.GetDeadLetter(request))[1].reason == "nothing-parked"
    assert not served.subscriptions.ListDeadLetters(durables.ListDeadLettersRequest(subscription="d")).dead_letters


def test_answers_are_made_in_threads_so_that_other_calls_need_not_wait(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.events.Publish(publish("s", "1"))
    _create(served)
    parse, threads = bodies.ParseDict, []

    def recorded(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - those of `ParseDict`
        threads.append(threading.current_thread())
        return parse(*arguments, **options)

    monkeypatch.setattr(bodies, "ParseDict", recorded)
    served.streams.ListStreams(streams.ListStreamsRequest())
    served.streams.GetStream(streams.GetStreamRequest(stream="s"))
    served.streams.CreateStream(streams.CreateStreamRequest(stream="t"))
    served.streams.ChangeStream(streams.ChangeStreamRequest(stream="s", labels={"team": "billing"}))
    served.subscriptions.ListSubscriptions(durables.ListSubscriptionsRequest())
    served.subscriptions.GetSubscription(durables.GetSubscriptionRequest(id="d"))
    served.subscriptions.ChangeSubscription(durables.ChangeSubscriptionRequest(id="d", max_attempts=3))
    served.operations.GetStats(operations_service_pb2.GetStatsRequest())
    loop = served.on_loop(threading.current_thread)
    assert threads
    assert loop not in threads
