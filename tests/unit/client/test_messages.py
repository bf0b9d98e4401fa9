from __future__ import annotations

import json

import pytest

from eventstore_client import (
    Conflict,
    ConnectFailed,
    Gone,
    Invalid,
    Loss,
    Missing,
    ProblemError,
    Unavailable,
    UnexpectedAnswer,
)
from eventstore_client.messages import Frame, Request, Subscribed, parse_message

EVENT = (
    '{"specversion":"1.0","id":"1","source":"/s","type":"t",'
    '"hubstream":"wf-1","hubsequence":"4","hubtime":"2026-01-05T09:00:00Z","data":{"n": 1e400}}'
)


def said(**members: object) -> str:
    return json.dumps({"id": "s", **members})


def frame(kind: str, **members: object) -> str:
    return said(type=kind, partition=7, frame=12, cursor="c", **members)


def test_events_keep_their_text_verbatim() -> None:
    text = frame("events", events=["E"]).replace('"E"', EVENT)

    message = parse_message(text)

    assert isinstance(message, Frame)
    assert (message.partition, message.number, message.cursor, message.loss) == (7, 12, "c", None)
    assert [event.text for event in message.events] == [EVENT]
    assert (message.events[0].stream, message.events[0].sequence) == ("wf-1", 4)


def test_a_live_frame_has_no_events() -> None:
    assert parse_message(frame("live")) == Frame(partition=7, number=12, cursor="c")


def test_removed_events_are_a_loss() -> None:
    message = parse_message(frame("truncated", missing=[{"stream": "wf-1", "first": 5, "last": 9}], missing_more=True))

    assert isinstance(message, Frame)
    assert message.loss == Loss(missing=(Missing("wf-1", 5, 9),), more=True)


def test_a_complete_recovery_is_no_loss() -> None:
    text = said(type="subscribed", cursor="c", recovery="complete", partitions=[0, 1])

    assert parse_message(text) == Subscribed("c")


def test_a_truncated_recovery_is_a_loss() -> None:
    text = said(type="subscribed", cursor="c", recovery="truncated", missing=[{"stream": "a", "first": 1, "last": 1}])

    assert parse_message(text) == Subscribed("c", Loss(missing=(Missing("a", 1, 1),)))


def test_a_store_reset_is_a_loss() -> None:
    text = said(type="subscribed", cursor="c", recovery="new-epoch", renewed=[3, 4])

    assert parse_message(text) == Subscribed("c", Loss(renewed=(3, 4)))


def test_an_unknown_recovery_is_not_treated_as_complete() -> None:
    message = parse_message(said(type="subscribed", cursor="c", recovery="of-a-later-version"))

    assert isinstance(message, Subscribed)
    assert message.loss is not None


@pytest.mark.parametrize("text", ['{"type":"pong"}', said(type="of-a-later-version"), frame("live").replace("s", "t")])
def test_a_message_for_another_subscription_is_ignored(text: str) -> None:
    assert parse_message(text) is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("malformed", Invalid),
        ("invalid-filter", Invalid),
        ("invalid-cursor", Invalid),
        ("too-many-subscriptions", Conflict),
        ("stream-gone", Gone),
        ("store-unavailable", Unavailable),
        ("internal", Unavailable),
        ("of-a-later-version", ProblemError),
    ],
)
def test_an_error_message_raises_the_error_of_its_code(code: str, kind: type[ProblemError]) -> None:
    with pytest.raises(ProblemError) as refused:
        parse_message(said(type="error", code=code, detail="so it is", pointer="/filters/0"))

    assert type(refused.value) is kind
    assert str(refused.value) == f"so it is (at /filters/0) ({code})"


@pytest.mark.parametrize("code", ["connection-not-found", "going-away", "store-reset"])
def test_a_connection_that_the_hub_ends_counts_as_broken(code: str) -> None:
    with pytest.raises(ConnectFailed, match="so it is"):
        parse_message(said(type="error", code=code, detail="so it is"))


def test_the_gateways_internal_server_error_is_a_transient_failure() -> None:
    with pytest.raises(ConnectFailed, match="Internal server error"):
        parse_message('{"message": "Internal server error", "connectionId": "x", "requestId": "y"}')


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        said(type="events", partition=1, frame=1),
        frame("events", events=["x"]),
        frame("truncated", missing=[1]),
    ],
)
def test_an_invalid_message_is_an_error(text: str) -> None:
    with pytest.raises(UnexpectedAnswer):
        parse_message(text)


def test_a_request_starts_at_from_while_there_is_no_cursor() -> None:
    assert Request(start="start").message([]) == {"action": "subscribe", "id": "s", "from": "start"}


def test_a_request_with_cursors_leaves_out_from() -> None:
    request = Request(filters=[{"exact": {"type": "t"}}], streams=["a"], start="start")

    assert request.message(["c1", "c2"]) == {
        "action": "subscribe",
        "id": "s",
        "filters": [{"exact": {"type": "t"}}],
        "stream": ["a"],
        "cursor": ["c1", "c2"],
    }
