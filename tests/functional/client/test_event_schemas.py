"""The schemas of event types, against the real handler of REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore_client import Invalid, NotFound, WrongVersion

if TYPE_CHECKING:
    from eventstore_client import EventStore

SCHEMA = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}


def test_a_schema_is_stored_described_replaced_and_deleted(rest_hub: EventStore) -> None:
    stored = rest_hub.schemas.put("order.placed", SCHEMA, new=True)
    found = rest_hub.schemas.get("order.placed")

    assert found == stored
    assert (found.type, found.origin, found.is_enforced, found.version, found.schema) == (
        "order.placed",
        "stored",
        False,
        1,
        SCHEMA,
    )
    replaced = rest_hub.schemas.put("order.placed", {"type": "object"}, enforce=True, expected=found.etag)
    assert (replaced.version, replaced.is_enforced) == (2, True)
    with pytest.raises(WrongVersion):
        rest_hub.schemas.put("order.placed", SCHEMA, expected=found.etag)
    with pytest.raises(WrongVersion):
        rest_hub.schemas.put("order.placed", SCHEMA, new=True)
    rest_hub.schemas.delete("order.placed", expected=replaced.etag)
    with pytest.raises(NotFound):
        rest_hub.schemas.get("order.placed")


def test_schemas_are_listed_by_type_page_by_page(rest_hub: EventStore) -> None:
    for name in ("order.a", "order.b", "order.c"):
        rest_hub.schemas.put(name, SCHEMA)

    listed = list(rest_hub.schemas.list(prefix="order.", page=2))

    assert [(schema.type, schema.schema, schema.etag) for schema in listed] == [
        ("order.a", None, None),
        ("order.b", None, None),
        ("order.c", None, None),
    ]


def test_a_schema_of_the_catalogue_is_found_by_its_short_name(rest_hub: EventStore) -> None:
    found = rest_hub.schemas.get("task.completed")

    assert (found.type, found.origin, found.version) == ("io.flunq.task.completed", "catalogue", None)


def test_an_enforced_schema_rejects_events(rest_hub: EventStore) -> None:
    rest_hub.schemas.put("order.placed", SCHEMA, enforce=True)

    events = [
        {"specversion": "1.0", "source": "/s", "type": "order.placed", "data": {"amount": amount}}
        for amount in (12.5, "many")
    ]

    with pytest.raises(Invalid) as rejected:
        rest_hub.publish(events, stream="s")

    assert rejected.value.errors[0]["pointer"] == "/1/data/amount"
    with pytest.raises(NotFound):
        rest_hub.streams.get("s")


def test_an_invalid_schema_is_refused(rest_hub: EventStore) -> None:
    with pytest.raises(Invalid, match="invalid-schema"):
        rest_hub.schemas.put("order.placed", {"type": "nothing"})
