"""What a `TargetAdapter` keeps whose targets name the events that failed. A test inherits this, and has an `endpoint`.

A URL answers for all events of a call at once, and parks where the services of AWS count as unavailable, so the adapter
of HTTP has tests of its own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

import pytest

from eventstore.cloudevents.event import StreamName, rfc3339
from eventstore.frames.pushes import PushedEvent
from eventstore.ports import TargetThrottled, TargetUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.ports import Refusal, TargetAdapter
    from eventstore.subscriptions import Target

__all__ = ["STORED_MS", "TargetContract", "TargetEndpoint", "push", "pushed"]

STORED_MS = 1_700_000_000_123

_ODD_DATA = '{"a":1.0,"b":1e400,"c":"\\\\ \\" \\u0000 ä 💜 \u2028","hubtime":"x","source":"inner"}'


def pushed(
    stream: str, sequence: int, *, data: str = "{}", stored_ms: int = STORED_MS, **attributes: str
) -> PushedEvent:
    """An event as the hub pushes it: its own attributes, its data, the extensions of the hub."""
    named = {"specversion": "1.0", "id": f"{stream}-{sequence}", "source": "/tests", "type": "t"} | attributes
    head = json.dumps(named, separators=(",", ":"))[:-1]
    tail = f'"hubstream":"{stream}","hubsequence":"{sequence}","hubtime":"{rfc3339(stored_ms)}"}}'
    return PushedEvent(StreamName(stream), sequence, f'{head},"data":{data},{tail}')


class TargetEndpoint(Protocol):
    """A target, and what it answers. It handles all events except those that `refuse` named."""

    adapter: TargetAdapter
    target: Target
    received: list[str]
    """The texts of the events that it was sent, refused ones included."""

    def refuse(self, event: PushedEvent) -> None:
        """Answer from now on that this event failed."""

    def throttle(self) -> None:
        """Answer from now on that there are too many requests."""

    def deny(self) -> None:
        """Answer from now on that the hub may not call it."""

    def vanish(self) -> None:
        """Answer from now on that there is no such target."""

    def leave(self) -> None:
        """Listen no longer."""


def push(
    endpoint: TargetEndpoint, *events: PushedEvent, attempt: int = 1, timeout_ms: int = 5000
) -> Mapping[int, Refusal]:
    """Push events to the target of an endpoint."""
    return endpoint.adapter.push(endpoint.target, events, attempt=attempt, timeout_ms=timeout_ms)


class TargetContract:
    def test_events_that_the_target_handles_are_not_refused(self, endpoint: TargetEndpoint) -> None:
        assert push(endpoint, pushed("a", 1), pushed("b", 1), pushed("a", 2)) == {}

    def test_the_target_is_sent_each_event_once_those_of_a_stream_in_order(self, endpoint: TargetEndpoint) -> None:
        events = [pushed(stream, sequence) for sequence in range(1, 5) for stream in ("a", "b", "c")]
        push(endpoint, *events)
        for stream in ("a", "b", "c"):
            texts = [event.text for event in events if event.stream == stream]
            assert [text for text in endpoint.received if text in texts] == texts
        assert len(endpoint.received) == len(events)

    def test_an_event_is_sent_as_it_is(self, endpoint: TargetEndpoint) -> None:
        event = pushed("a", 1, data=_ODD_DATA)
        push(endpoint, event)
        assert endpoint.received == [event.text]

    def test_an_event_that_fails_is_refused_and_says_why(self, endpoint: TargetEndpoint) -> None:
        events = pushed("a", 1), pushed("b", 1), pushed("c", 1)
        endpoint.refuse(events[1])
        refusals = push(endpoint, *events)
        assert set(refusals) == {1}
        assert refusals[1].reason
        assert refusals[1].counts

    def test_of_a_stream_the_first_event_that_fails_is_the_first_that_is_refused(
        self, endpoint: TargetEndpoint
    ) -> None:
        events = pushed("a", 1), pushed("a", 2), pushed("b", 1), pushed("a", 3)
        endpoint.refuse(events[1])
        refusals = push(endpoint, *events)
        assert min(refusals) == 1
        assert {events[index].stream for index in refusals} == {"a"}

    def test_an_event_that_failed_can_be_pushed_again(self, endpoint: TargetEndpoint) -> None:
        one, other = pushed("a", 1), pushed("a", 2)
        endpoint.refuse(other)
        push(endpoint, one)
        assert set(push(endpoint, other)) == {0}
        assert push(endpoint, one) == {}

    def test_a_target_that_has_too_many_requests_throttles(self, endpoint: TargetEndpoint) -> None:
        endpoint.throttle()
        with pytest.raises(TargetThrottled):
            push(endpoint, pushed("a", 1), pushed("b", 1))

    def test_a_target_that_the_hub_may_not_call_is_unavailable(self, endpoint: TargetEndpoint) -> None:
        endpoint.deny()
        with pytest.raises(TargetUnavailable):
            push(endpoint, pushed("a", 1), pushed("b", 1))

    def test_a_target_that_does_not_exist_is_unavailable(self, endpoint: TargetEndpoint) -> None:
        endpoint.vanish()
        with pytest.raises(TargetUnavailable):
            push(endpoint, pushed("a", 1))

    def test_a_target_that_does_not_listen_is_unavailable(self, endpoint: TargetEndpoint) -> None:
        endpoint.leave()
        with pytest.raises(TargetUnavailable, match="cannot be reached"):
            push(endpoint, pushed("a", 1))
