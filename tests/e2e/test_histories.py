"""Real workflow histories, loaded by the command line into the whole stack."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from eventstore_client.cli.loader import load
from eventstore_client.cli.sources import Item, Source

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.hubs import Hub


@pytest.fixture
def histories(material: Path) -> list[Item]:
    files = sorted((material / "workflows" / "temporal").glob("*.json"))
    items = list(chain.from_iterable(Source(path=file).items() for file in files))
    assert len(items) == sum(len(json.loads(file.read_text())["events"]) for file in files) > 500
    return [item for item in items if isinstance(item, Item)]


@pytest.mark.parametrize("publishers", [1, 8])
def test_every_event_of_every_history_is_read_back_once_in_order(
    hub: Hub, histories: list[Item], publishers: int
) -> None:
    client = hub.client()
    load(histories, client, publishers=publishers)
    for stream in {item.stream for item in histories}:
        published = [json.loads(item.text)["id"] for item in histories if item.stream == stream]
        assert [event.id for event in client.read(stream)] == published


def test_a_second_load_stores_nothing_new(hub: Hub, histories: list[Item]) -> None:
    load(histories, hub.client())
    again = load(histories, hub.client())
    assert (again.new, again.duplicates) == (0, len(histories))
