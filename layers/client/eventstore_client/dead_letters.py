"""Streams that durable subscriptions have parked: showing, redriving and purging them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from eventstore.cloudevents.json_text import decoded, elements, members
from eventstore_client.calls import Call, Listing, path_of
from eventstore_client.errors import NotFound
from eventstore_client.operations import Asynchronous, Blocking, listed, request
from eventstore_client.recorded import Recorded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_client.calls import Query, Reply
    from eventstore_client.rest import Rest

__all__ = ["AsyncDeadLetters", "DeadLetter", "DeadLetterCalls", "DeadLetters"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A stream that a durable subscription has parked, because handling an event of it failed.

    Attributes:
        subscription: The name of the durable subscription.
        stream: The name of the stream.
        partition: The partition of the stream.
        sequence: The sequence of the event that failed. It and the later events of the stream wait.
        attempts: How often it was tried.
        errors: Why it failed, attempt by attempt; the newest five.
        since: When the stream was parked.
        letters: The number of events that were copied to the dead letter queue.
        event: The event that failed, from `DeadLetters.get`; None in a list, and if it is no longer kept.
        raw: The dead letter as the hub sent it, with members that this version of the client does not know.
    """

    subscription: str
    stream: str
    partition: int
    sequence: int
    attempts: int
    errors: tuple[str, ...]
    since: datetime
    letters: int
    event: Recorded | None = None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_text(cls, text: str) -> DeadLetter:
        """Parse a dead letter that the hub sent.

        Raises:
            KeyError, ValueError, TypeError, Malformed: It is not a dead letter.
        """
        letter = json.loads(text)
        return cls(
            subscription=letter["subscription"],
            stream=letter["stream"],
            partition=int(letter["partition"]),
            sequence=int(letter["sequence"]),
            attempts=int(letter["attempts"]),
            errors=tuple(letter["errors"]),
            since=datetime.fromisoformat(letter["since"]),
            letters=int(letter["letters"]),
            # The event keeps its text, so that its numbers stay exact.
            event=Recorded.from_text(members(text)["event"].text) if "event" in letter else None,
            raw=letter,
        )


class DeadLetterCalls:
    """The operations of `DeadLetters` and `AsyncDeadLetters`."""

    __slots__ = ()

    @listed
    def list(
        self, *, subscription: str | None = None, stream: str | None = None, page: int = 100
    ) -> Call[Listing[DeadLetter]]:
        """Iterate over the parked streams by subscription and name, fetching a page whenever the last one is used up.

        Args:
            subscription: Only streams that this durable subscription has parked.
            stream: Only this stream.
            page: Streams per request, 1 to 1,000.
        """
        query = {"subscription": subscription, "stream": stream, "limit": page}
        return Call(method="GET", path=path_of("dead-letters"), parse=_parse_page, query=query)

    @request
    def get(self, subscription: str, stream: str) -> Call[DeadLetter]:
        """Return a parked stream with the event that failed.

        Raises:
            NotFound: The subscription does not exist, or has not parked the stream.
        """

        def parse(reply: Reply) -> DeadLetter:
            for letter in _parse_page(reply).items:
                return letter
            detail = f"subscription {subscription!r} has not parked stream {stream!r}"
            raise NotFound(status=404, code="nothing-parked", detail=detail, problem={})

        query: Query = {"subscription": subscription, "stream": stream, "limit": 1}
        return Call(method="GET", path=path_of("dead-letters"), parse=parse, query=query)

    @request
    def redrive(
        self, subscription: str, *, stream: str | None = None, how: Literal["start", "skip", "drop"] = "start"
    ) -> Call[tuple[str, ...]]:
        """Resume parked streams, and return their names. The hub delivers their events in order, usually at once.

        Args:
            subscription: The name of the durable subscription.
            stream: The stream to resume; None for all that the subscription has parked.
            how: `start` with the event that failed, `skip` after it, `drop` after all events that wait.

        Raises:
            NotFound: The subscription does not exist, or has parked nothing.
        """
        body = {"subscription": subscription, "how": how, **({} if stream is None else {"stream": stream})}
        path = path_of("dead-letters", "redrive")
        return Call(method="POST", path=path, parse=_parse_streams, body=body, already_done=tuple)

    @request
    def purge(self, subscription: str, *, stream: str | None = None) -> Call[tuple[str, ...]]:
        """Discard the events that wait in parked streams, and return the streams' names. Later events are delivered.

        Args:
            subscription: The name of the durable subscription.
            stream: The stream to purge; None for all that the subscription has parked.

        Raises:
            NotFound: The subscription does not exist, or has parked nothing.
        """
        query = {"subscription": subscription, "stream": stream}
        path = path_of("dead-letters")
        return Call(method="DELETE", path=path, parse=_parse_streams, query=query, already_done=tuple)


@dataclass(frozen=True, slots=True)
class DeadLetters(DeadLetterCalls, Blocking):
    """The parked streams of one hub (`EventStore.dead_letters`)."""

    _rest: Rest


@dataclass(frozen=True, slots=True)
class AsyncDeadLetters(DeadLetterCalls, Asynchronous):
    """The parked streams of one hub (`AsyncEventStore.dead_letters`)."""

    _rest: Rest


def _parse_page(reply: Reply) -> Listing[DeadLetter]:
    page = members(decoded(reply.body))
    following = page["next"].value if "next" in page else None
    letters = [DeadLetter.from_text(text) for text in elements(page["dead_letters"].text)]
    return Listing(letters, None if following is None else str(following))


def _parse_streams(reply: Reply) -> tuple[str, ...]:
    return tuple(json.loads(reply.body)["streams"])
