"""Messages of `eventstore.v1` as those of `proto/`, and back: a subscriber cannot tell which of the two it speaks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore_client import Gone, Loss, Missing, Unavailable
from eventstore_client.grpc.conversations import subscribe_request, subscribe_text, work_request, work_text
from eventstore_client.grpc.messages import event_store, events
from eventstore_client.messages import (
    Answer,
    Frame,
    Joined,
    Request,
    Share,
    Subscribed,
    join_request,
    member_request,
    parse_member_message,
    parse_message,
)

if TYPE_CHECKING:
    from eventstore_client.events import Recorded

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_NUMBERS = st.sampled_from(["1e400", "12.50", "-0", "1" * 5_000, "0.1e1"])
_TEXTS = st.builds(
    lambda data, sequence, ascii_only: json.dumps(
        {"id": "ü", "source": "/s", "type": "t", "hubstream": "s", "hubsequence": str(sequence), "data": "D"},
        ensure_ascii=ascii_only,
        separators=(",", ":"),
    ).replace('"D"', data),
    _NUMBERS | _JSON.map(json.dumps),
    st.integers(1, 10**15),
    st.booleans(),
)
_OFFSETS = st.integers(1, 2**32 - 1)


def received(texts: list[str]) -> list[events.Event]:
    return [events.Event(json=text.encode()) for text in texts]


def texts_of(recorded: tuple[Recorded, ...]) -> list[str]:
    return [event.text for event in recorded]


@given(texts=st.lists(_TEXTS, max_size=4), frame=st.integers(1, 2**53), partition=_OFFSETS)
def test_events_through_protobuf_equal_those_of_json(texts: list[str], frame: int, partition: int) -> None:
    content = event_store.Events(events=received(texts))
    response = event_store.SubscribeResponse(frame=frame, partition=partition, cursor="c", events=content)

    message = parse_message(subscribe_text(event_store.SubscribeResponse.FromString(response.SerializeToString())))
    over_websocket = parse_message(
        f'{{"type":"events","id":"s","partition":{partition},"frame":{frame},"cursor":"c","events":[{",".join(texts)}]}}'
    )

    assert isinstance(message, Frame)
    assert message == over_websocket
    assert texts_of(message.events) == texts


@given(texts=st.lists(_TEXTS, max_size=3), attempt=st.integers(0, 100), stream=st.sampled_from(["", "wf-1"]))
def test_a_member_receives_the_events_of_a_held_stream(texts: list[str], attempt: int, stream: str) -> None:
    content = event_store.Events(events=received(texts), attempt=attempt, stream=stream, reason="ü" if stream else "")

    share = parse_member_message(work_text(event_store.WorkResponse(frame=3, partition=1, events=content)))

    assert isinstance(share, Share)
    assert (share.kind, share.number, share.partition, share.cursor) == ("events", 3, 1, None)
    assert (share.attempt, share.stream, share.reason) == (attempt or 1, stream or None, "ü" if stream else None)
    assert texts_of(share.events) == texts


def test_a_live_partition_and_a_loss_are_frames_without_events() -> None:
    missing = events.Missing(ranges=[events.MissingRange(stream="a", first=1, last=2)], more=True, gone=["b"])

    live = subscribe_text(event_store.SubscribeResponse(frame=1, cursor="c", live=event_store.Live()))
    lost = subscribe_text(event_store.SubscribeResponse(frame=2, cursor="d", truncated=missing))

    loss = Loss(missing=(Missing("a", 1, 2),), more=True, gone=("b",))
    assert parse_message(live) == Frame(partition=0, number=1, cursor="c")
    assert parse_message(lost) == Frame(partition=0, number=2, cursor="d", loss=loss)


@pytest.mark.parametrize(
    ("subscribed", "expected"),
    [
        (event_store.Subscribed(recovery=event_store.RECOVERY_COMPLETE, partitions=[0, 1]), Subscribed("c")),
        (
            event_store.Subscribed(
                recovery=event_store.RECOVERY_TRUNCATED,
                missing=events.Missing(ranges=[events.MissingRange(stream="a", first=3, last=3)]),
            ),
            Subscribed("c", Loss(missing=(Missing("a", 3, 3),))),
        ),
        (
            event_store.Subscribed(recovery=event_store.RECOVERY_NEW_EPOCH, renewed=[4]),
            Subscribed("c", Loss(renewed=(4,))),
        ),
        (event_store.Subscribed(recovery=99), Subscribed("c", Loss())),  # type: ignore[arg-type]  # of a later hub
    ],
)
def test_a_confirmation_says_what_was_lost(subscribed: event_store.Subscribed, expected: Subscribed) -> None:
    assert parse_message(subscribe_text(event_store.SubscribeResponse(cursor="c", subscribed=subscribed))) == expected


def test_a_subscription_starts_where_its_message_says() -> None:
    request = Request(filters=[{"not": {"exact": {"type": "t"}}}], filter_name="f", streams=["a"], start="start")

    first, resumed = subscribe_request(request.message([])), subscribe_request(request.message(["c", "d"]))

    assert (first.start, list(first.cursors)) == (event_store.START_OLDEST, [])
    assert (first.filter_name, list(first.streams)) == ("f", ["a"])
    assert dict(getattr(first.filters[0], "not").exact.attributes) == {"type": "t"}
    assert (resumed.start, list(resumed.cursors)) == (event_store.START_UNSPECIFIED, ["c", "d"])


def test_each_request_of_a_member_has_its_action() -> None:
    def requested(action: str, **members: object) -> Any:  # noqa: ANN401 - the field of an action
        request = work_request(member_request(action, request="7", **members))
        assert request.request == 7
        field = request.WhichOneof("action")
        assert field is not None
        return getattr(request, field)

    assert work_request(join_request("workers")).join.subscription == "workers"
    assert list(requested("ack", cursor="c").cursors) == ["c"]
    assert list(requested("ack", cursor=["c", "d"]).cursors) == ["c", "d"]
    ack = requested("ack", stream="s", sequence=3, frame=2)
    assert (ack.stream, ack.sequence, ack.frame, list(ack.cursors)) == ("s", 3, 2, [])
    nack = requested("nack", stream="s", sequence=3, reason="no", delay=0)
    assert (nack.reason, nack.HasField("delay_seconds"), nack.delay_seconds, nack.park) == ("no", True, 0, False)
    parked = requested("nack", stream="s", sequence=3, reason="no", park=True, frame=4)
    assert (parked.HasField("delay_seconds"), parked.park, parked.frame) == (False, True, 4)
    release = requested("release", partition=0, frame=9)
    assert (release.partition, release.frame) == (0, 9)
    assert requested("unsubscribe") == event_store.Leave()
    with pytest.raises(ValueError, match="cannot send 'dance'"):
        work_request(member_request("dance"))


def test_what_concerns_a_membership_is_said_as_over_websocket() -> None:
    def message(**content: Any) -> object:  # noqa: ANN401 - a field of the response
        return parse_member_message(work_text(event_store.WorkResponse(**content)))

    assert message(joined=event_store.Joined(ack_deadline=2.5)) == Joined(2.5)
    assert message(changed=event_store.Changed(version=2, ack_deadline=9)) == Joined(9.0)
    assert message(answer=event_store.Answer(request=7)) == Answer("7")
    owned = message(frame=1, cursor="c", owned=event_store.Owned(ack_deadline=30))
    assert owned == Share(kind="owned", partition=0, number=1, cursor="c", ack_deadline=30.0)
    revoked = message(frame=2, partition=3, revoked=event_store.Revoked())
    assert revoked == Share(kind="revoked", partition=3, number=2)


def test_an_answer_with_a_failure_is_the_error_of_its_request() -> None:
    def answer(reason: str) -> str:
        failure = events.Failure(reason=reason, message="why", metadata={"stream": "s"})
        return work_text(event_store.WorkResponse(answer=event_store.Answer(request=7, failure=failure)))

    with pytest.raises(Unavailable) as unavailable:
        parse_member_message(answer("store-unavailable"))
    with pytest.raises(Gone):
        parse_member_message(answer("stream-gone"))

    assert unavailable.value.problem["request"] == "7"
    assert (unavailable.value.detail, unavailable.value.problem["stream"]) == ("why", "s")
