from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import grpc

from eventstore.access import FULL
from eventstore.errors import StoreUnavailable
from eventstore.write.publisher import Publisher
from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_proto.flunq.eventstore.v1.events_pb2 import Event as EventMessage
from eventstore_proto.io.cloudevents.v1.cloudevents_pb2 import CloudEvent
from eventstore_server.grpc.call import Call
from eventstore_server.grpc.publishing import Inbox, acknowledgements_of
from tests.functional.grpc.events import event, failing, ids, publish, violations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import pytest

    from eventstore.cloudevents.event import Event
    from eventstore.write.publisher import Published
    from tests.functional.grpc.served import Served


def _request(*identities: str, stream: str = "s", **members: int) -> messages.PublishStreamRequest:
    return messages.PublishStreamRequest(stream=stream, events=map(event, identities), **members)


def _acknowledgements(served: Served, *requests: messages.PublishStreamRequest) -> list[messages.Acknowledgement]:
    responses = served.events.PublishStream(iter(requests))
    return [acknowledgement for response in responses for acknowledgement in response.acknowledgements]


def _stored(served: Served, stream: str = "s") -> list[str]:
    return [
        identity
        for response in served.events.Read(messages.ReadRequest(stream=stream))
        for identity in ids(response.events)
    ]


def test_an_event_is_stored_once_and_its_place_is_returned_again(served: Served) -> None:
    first = served.events.Publish(publish("s", "1")).results[0]
    again = served.events.Publish(publish("s", "1")).results[0]
    assert (first.stream, first.sequence, first.id, first.duplicate) == ("s", 1, "1", False)
    assert (again.stream, again.sequence, again.id, again.duplicate) == ("s", 1, "1", True)


def test_an_event_belongs_to_the_stream_that_its_attributes_name(served: Served) -> None:
    request = messages.PublishRequest(events=[event("1", workflowid="wf-1")])
    assert served.events.Publish(request).results[0].stream == "wf-1"


def test_an_event_in_protobuf_is_stored_as_its_json(served: Served) -> None:
    sent = CloudEvent(id="1", source="/s", spec_version="1.0", type="t", text_data='{"a": 1.0}')
    served.events.Publish(messages.PublishRequest(stream="s", events=[EventMessage(cloud_event=sent)]))
    (response,) = served.events.Read(messages.ReadRequest(stream="s"))
    stored = b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a": 1.0}'
    assert response.events[0].json.startswith(stored)


def test_an_event_that_violates_an_enforced_schema_fails_the_call_with_the_place(served: Served) -> None:
    assert served.hub is not None
    schema = {"properties": {"amount": {"type": "number"}}}
    served.hub.schema_admin.put("io.flunq.tested", schema, enforce=True, access=FULL)
    request = messages.PublishRequest(stream="s", events=[event("1", data={"amount": "5"})])
    code, info = failing(lambda: served.events.Publish(request))
    assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "invalid-event")
    assert dict(info.metadata) == {"pointer": "/data/amount"}
    assert failing(lambda: _stored(served))[1].reason == "stream-not-found"


def test_a_stream_that_ends_elsewhere_than_expected_fails_the_call_with_its_end(served: Served) -> None:
    served.events.Publish(publish("s", "1", expected=0))
    code, info = failing(lambda: served.events.Publish(publish("s", "2", expected=0)))
    assert code is grpc.StatusCode.ABORTED
    assert info.reason == "wrong-expected-version"
    assert dict(info.metadata) == {"stream": "s", "expected": "0", "actual": "1"}


def test_an_event_that_breaks_a_rule_fails_the_call_with_its_place(served: Served) -> None:
    wrong = messages.PublishRequest(events=[event("1"), event("2", specversion="0.3")])
    assert failing(lambda: served.events.Publish(wrong))[1].reason == "invalid-event"
    assert violations(lambda: served.events.Publish(wrong)) == ["/events/1/specversion"]


def test_an_event_without_a_body_is_invalid(served: Served) -> None:
    code, info = failing(lambda: served.events.Publish(messages.PublishRequest(events=[EventMessage()])))
    assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "invalid-event")


def test_too_many_events_are_refused_by_the_limit_of_rest(served: Served) -> None:
    request = publish("s", *map(str, range(1001)))
    code, info = failing(lambda: served.events.Publish(request))
    assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "too-large")


def test_a_version_that_no_stream_can_have_is_refused(served: Served) -> None:
    assert failing(lambda: served.events.Publish(publish("s", "1", expected=2**60)))[1].reason == "invalid-request"


def test_each_event_of_a_stream_of_requests_is_acknowledged_in_order(served: Served) -> None:
    requests = [_request(f"{n}", f"{n}b", stream=f"s{n % 3}") for n in range(50)]
    acknowledged = _acknowledgements(served, *requests)
    assert [acknowledgement.published.id for acknowledgement in acknowledged] == [
        name for n in range(50) for name in (f"{n}", f"{n}b")
    ]
    assert _stored(served, "s1") == [name for n in range(1, 50, 3) for name in (f"{n}", f"{n}b")]


def test_a_call_without_requests_ends_without_acknowledgements(served: Served) -> None:
    assert _acknowledgements(served) == []


def test_requests_that_wait_are_taken_together() -> None:
    async def taken() -> list[list[str]]:
        more = asyncio.Event()

        async def requests() -> AsyncIterator[messages.PublishStreamRequest]:
            yield _request("1")
            yield _request("2")
            await more.wait()
            yield _request("3")

        inbox = Inbox()
        receiver = asyncio.create_task(inbox.receive(requests()))
        batches = [await inbox.take()]
        more.set()
        batches += [await inbox.take(), await inbox.take()]
        await receiver
        return [[name for request in batch for name in ids(request.events)] for batch in batches]

    assert asyncio.run(taken()) == [["1", "2"], ["3"], []]


def test_a_publisher_waits_while_as_much_as_one_publish_holds_is_not_stored() -> None:
    async def sent_before_and_after_the_first_batch() -> tuple[int, int]:
        sent = 0

        async def requests() -> AsyncIterator[messages.PublishStreamRequest]:
            nonlocal sent
            for number in range(7):
                sent += 1
                yield _request(*(f"{number}-{index}" for index in range(400)))

        inbox = Inbox()
        receiver = asyncio.create_task(inbox.receive(requests()))
        batch = await inbox.take()
        before = sent
        while batch:
            batch = await inbox.take()
        await receiver
        return before, sent

    assert asyncio.run(sent_before_and_after_the_first_batch()) == (3, 7)


def test_events_that_are_taken_together_are_stored_by_one_publish_a_stream(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[tuple[str, int]] = []
    original = Publisher.publish

    def noted(self: Publisher, events: Sequence[Event], **options: Any) -> list[Published]:  # noqa: ANN401 - as `publish` has them
        counts.append((options["stream"], len(events)))
        return original(self, events, **options)

    monkeypatch.setattr(Publisher, "publish", noted)
    requests = [_request(f"{n}", stream="ab"[n % 2]) for n in range(6)] + [_request("x", expected=3, stream="a")]
    context: Any = SimpleNamespace(time_remaining=lambda: None, invocation_metadata=lambda: ())
    call = Call(context, served.hub, served.threads, None)
    acknowledged = served.in_loop(acknowledgements_of(requests, call))
    assert [ack.published.sequence for ack in acknowledged] == [1, 1, 2, 2, 3, 3, 4]
    assert sorted(counts[:2]) == [("a", 3), ("b", 3)]
    assert counts[2:] == [("a", 1)]


def test_a_conflict_fails_only_its_own_event(served: Served) -> None:
    conflicting = messages.PublishStreamRequest(stream="s", events=[event("2", data="other")])
    acknowledged = _acknowledgements(served, _request("1", "2"), conflicting, _request("3"))
    assert [ack.WhichOneof("outcome") for ack in acknowledged] == ["published", "published", "failure", "published"]
    failure = acknowledged[2].failure
    assert failure.reason == "event-conflict"
    assert failure.code == grpc.StatusCode.ALREADY_EXISTS.value[0]
    assert failure.metadata["sequence"] == "2"
    assert _stored(served) == ["1", "2", "3"]


def test_an_event_that_breaks_a_rule_fails_only_itself(served: Served) -> None:
    wrong = messages.PublishStreamRequest(stream="s", events=[event("2", specversion="0.3"), event("3")])
    acknowledged = _acknowledgements(served, _request("1"), wrong)
    assert [ack.failure.reason for ack in acknowledged] == ["", "invalid-event", ""]
    assert _stored(served) == ["1", "3"]


def test_a_conditional_request_is_stored_whole_or_not_at_all_and_never_with_others(served: Served) -> None:
    acknowledged = _acknowledgements(
        served,
        _request("1"),
        _request("2", "3", expected=1),
        _request("4", "5", expected=1),
        _request("6"),
    )
    assert [ack.failure.reason for ack in acknowledged] == [
        *("", "", ""),
        *("wrong-expected-version", "wrong-expected-version"),
        "",
    ]
    assert _stored(served) == ["1", "2", "3", "6"]


def test_a_store_that_does_not_answer_fails_the_events_and_not_the_call(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def refuse(*_: object, **__: object) -> None:
        calls.append(1)
        raise StoreUnavailable("out for a test")

    monkeypatch.setattr(Publisher, "publish", refuse)
    acknowledged = _acknowledgements(served, _request("1", "2", "3"))
    assert {ack.failure.reason for ack in acknowledged} == {"store-unavailable"}
    assert len(acknowledged) == 3
    assert len(calls) == 1
