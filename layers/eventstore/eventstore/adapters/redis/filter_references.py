"""The references of durable subscriptions to named filters, which are stored beside the definitions."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from eventstore.filters import parse_filters
from eventstore.filters.named import FilterReference
from eventstore.subscriptions import Durable

if TYPE_CHECKING:
    from eventstore.filters import Filter

__all__ = ["decoded_durable", "encoded_reference"]


def encoded_reference(durable: Durable) -> list[str]:
    """Return the text of a subscription's reference as an argument of a script; none if it has no reference."""
    reference = durable.reference
    if reference is None:
        return []
    members = {
        "key": durable.key,
        "filter": reference.name,
        "own": json.loads(reference.own.text),
        "digest": _digest(durable.filter),
    }
    return [json.dumps(members, separators=(",", ":"))]


def decoded_durable(definition: bytes, reference: bytes | None) -> Durable:
    """Return a subscription with its reference.

    Functions of earlier releases write definitions, and know nothing of references. So a reference counts only for the
    subscription and the filter that it was written for: it ends if such a function replaces either.

    Args:
        definition: The definition (`Durable.encoded`).
        reference: The text of the reference; None if there is none.
    """
    durable = Durable.decoded(definition.decode())
    if reference is None:
        return durable
    members = json.loads(reference)
    if (members["key"], members["digest"]) != (durable.key, _digest(durable.filter)):
        return durable
    return replace(durable, reference=FilterReference(members["filter"], parse_filters(members["own"])))


def _digest(value: Filter) -> str:
    return blake2b(value.text.encode(), digest_size=16).hexdigest()
