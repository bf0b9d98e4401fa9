"""What all `EventSchemas` keep. An adapter's test inherits this."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from eventstore.errors import SchemaNotFound
from eventstore.ports import EventSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.ports import EventSchemas


def schema(name: str = "order.placed", *, key: str = "0" * 24, text: str = '{"type":"object"}') -> EventSchema:
    return EventSchema(key, name, text, enforce=True, created=5, changed=7)


def names(schemas: Sequence[EventSchema]) -> list[str]:
    return [item.name for item in schemas]


class EventSchemasContract:
    def test_a_schema_is_kept_by_its_type(self, schemas: EventSchemas) -> None:
        text = '{"description":"ä 💜 \\u0000","minimum":1e400}'
        assert schemas.create(schema(text=text))
        assert schemas.get("order.placed") == schema(text=text)

    def test_a_second_schema_of_a_type_is_not_stored(self, schemas: EventSchemas) -> None:
        schemas.create(schema())
        assert not schemas.create(schema(key="1" * 24, text="{}"))
        assert schemas.get("order.placed") == schema()

    @pytest.mark.parametrize("name", ["order.placed", "", "not a type", "\ud800", "a" * 201])
    def test_a_schema_that_does_not_exist_is_not_found(self, schemas: EventSchemas, name: str) -> None:
        schemas.create(schema("others"))
        with pytest.raises(SchemaNotFound):
            schemas.get(name)

    def test_schemas_are_listed_in_order_from_a_prefix_and_after_a_type(self, schemas: EventSchemas) -> None:
        for name in ("b.2", "a", "b.1", "c", "b.3"):
            schemas.create(schema(name))
        assert names(schemas.list(prefix="", after="", count=9)) == ["a", "b.1", "b.2", "b.3", "c"]
        assert names(schemas.list(prefix="b.", after="", count=2)) == ["b.1", "b.2"]
        assert names(schemas.list(prefix="b.", after="b.2", count=9)) == ["b.3"]
        assert names(schemas.list(prefix="", after="", count=0)) == []

    def test_a_schema_is_replaced_if_it_is_still_the_one_that_was_read(self, schemas: EventSchemas) -> None:
        schemas.create(schema())
        second = replace(schema(), enforce=False, version=2)
        assert schemas.change(schema(), second)
        assert schemas.get("order.placed") == second

    def test_a_schema_that_was_changed_meanwhile_is_neither_replaced_nor_deleted(self, schemas: EventSchemas) -> None:
        schemas.create(schema())
        second = replace(schema(), enforce=False, version=2)
        schemas.change(schema(), second)
        assert not schemas.change(schema(), replace(schema(), version=3))
        assert not schemas.delete(schema())
        assert schemas.get("order.placed") == second

    def test_nothing_is_left_of_a_deleted_schema_and_its_type_can_have_another(self, schemas: EventSchemas) -> None:
        schemas.create(schema())
        schemas.create(schema("others"))
        assert schemas.delete(schema())
        assert not schemas.delete(schema())
        assert names(schemas.list(prefix="", after="", count=9)) == ["others"]
        again = schema(key="1" * 24, text="{}")
        assert schemas.create(again)
        assert schemas.get("order.placed") == again
