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


def test_events_come_with_their_text_to_the_letter() -> None:
    text = frame("events", events=["E"]).replace('"E"', EVENT)

    found = parse_message(text)

    assert isinstance(found, Frame)
    assert (found.partition, found.number, found.cursor, found.loss) == (7, 12, "c", None)
    assert [event.text for event in found.events] == [EVENT]
    assert (found.events[0].stream, found.events[0].sequence) == ("wf-1", 4)


def test_a_partition_that_is_live_says_so_in_a_frame_without_events() -> None:
    assert parse_message(frame("live")) == Frame(partition=7, number=12, cursor="c")


def test_what_was_removed_meanwhile_is_a_loss() -> None:
    found = parse_message(frame("truncated", missing=[{"stream": "wf-1", "first": 5, "last": 9}], missing_more=True))

    assert isinstance(found, Frame)
    assert found.loss == Loss(missing=(Missing("wf-1", 5, 9),), more=True)


def test_a_complete_recovery_is_no_loss() -> None:
    text = said(type="subscribed", cursor="c", recovery="complete", partitions=[0, 1])

    assert parse_message(text) == Subscribed("c")


def test_a_truncated_recovery_is_a_loss() -> None:
    text = said(type="subscribed", cursor="c", recovery="truncated", missing=[{"stream": "a", "first": 1, "last": 1}])

    assert parse_message(text) == Subscribed("c", Loss(missing=(Missing("a", 1, 1),)))


def test_a_store_made_anew_is_a_loss() -> None:
    text = said(type="subscribed", cursor="c", recovery="new-epoch", renewed=[3, 4])

    assert parse_message(text) == Subscribed("c", Loss(renewed=(3, 4)))


def test_a_recovery_that_this_client_does_not_know_is_not_taken_for_complete() -> None:
    found = parse_message(said(type="subscribed", cursor="c", recovery="of-a-later-version"))

    assert isinstance(found, Subscribed)
    assert found.loss is not None


@pytest.mark.parametrize("text", ['{"type":"pong"}', said(type="of-a-later-version"), frame("live").replace("s", "t")])
def test_what_does_not_concern_the_subscription_is_nothing(text: str) -> None:
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
def test_a_refusal_is_the_error_that_its_code_stands_for(code: str, kind: type[ProblemError]) -> None:
    with pytest.raises(ProblemError) as refused:
        parse_message(said(type="error", code=code, detail="so it is", pointer="/filters/0"))

    assert type(refused.value) is kind
    assert str(refused.value) == f"so it is (at /filters/0) ({code})"


def test_a_connection_that_the_hub_does_not_know_any_more_is_a_broken_one() -> None:
    with pytest.raises(ConnectFailed, match="so it is"):
        parse_message(said(type="error", code="connection-not-found", detail="so it is"))


def test_the_gateways_own_word_that_nobody_took_the_request_is_a_failure_that_may_pass() -> None:
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
def test_what_no_hub_says_is_told_apart(text: str) -> None:
    with pytest.raises(UnexpectedAnswer):
        parse_message(text)


def test_a_request_begins_where_it_is_told_as_long_as_there_is_no_cursor() -> None:
    assert Request(start="start").message([]) == {"action": "subscribe", "id": "s", "from": "start"}


def test_a_request_resumes_with_all_cursors_and_says_from_no_more() -> None:
    request = Request(filters=[{"exact": {"type": "t"}}], streams=["a"], start="start")

    assert request.message(["c1", "c2"]) == {
        "action": "subscribe",
        "id": "s",
        "filters": [{"exact": {"type": "t"}}],
        "stream": ["a"],
        "cursor": ["c1", "c2"],
    }
