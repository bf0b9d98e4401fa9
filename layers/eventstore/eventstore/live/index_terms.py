"""Index terms that find the subscriptions that may match an event, without evaluating all of them.

Every subscription is stored under the terms of its most selective equality: its streams, else a subject, a type or a
source that its filter requires, else `ANYTHING`. The terms of an event are those of its own stream, subject, type and
source. So the cost of an event depends on its candidates, however many subscriptions there are.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from eventstore.streams import is_fork

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.cloudevents.event import AttributeValue
    from eventstore.streams import StreamName
    from eventstore.subscriptions import Subscription

__all__ = ["ANYTHING", "terms_of", "terms_of_event"]

ANYTHING = "*"
"""The term of subscriptions that no equality narrows."""

_STREAM = "hubstream"
_ATTRIBUTES = ("subject", "type", "source")


@lru_cache(maxsize=8192)
def _term(attribute: str, value: str) -> str:
    # A digest, because values may have any length and any characters. A collision only adds a candidate.
    return blake2b(f"{attribute}\0{value}".encode(), digest_size=8).hexdigest()


def terms_of(subscription: Subscription) -> tuple[str, ...]:
    """Return the terms under which a subscription is stored. Every event that it matches has at least one of them."""
    if subscription.streams:
        return tuple(_term(_STREAM, stream) for stream in subscription.streams)
    return tuple(_term(attribute, value) for attribute, value in subscription.filter.equalities) or (ANYTHING,)


def terms_of_event(stream: StreamName, attributes: Mapping[str, AttributeValue]) -> list[str]:
    """Return the terms of an event.

    Args:
        stream: The stream of the event.
        attributes: Its attributes.
    """
    if is_fork(stream):
        # Only those who name the stream receive its events.
        return [_term(_STREAM, stream)]
    terms = [ANYTHING, _term(_STREAM, stream)]
    terms += [_term(name, str(attributes[name])) for name in _ATTRIBUTES if name in attributes]
    return terms
