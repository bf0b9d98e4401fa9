"""The fixtures. pytest loads this module wherever the hub is installed, so it imports the hub when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_testing.hub import EventstoreHub

__all__ = ["eventstore_hub", "eventstore_hub_of_session"]


@pytest.fixture(scope="session")
def eventstore_hub_of_session() -> Iterator[EventstoreHub]:
    """A hub that runs from the first test that needs it until the end of the session, at one address."""
    from eventstore_testing.hub import EventstoreHub  # noqa: PLC0415 - see the module

    with EventstoreHub.start() as hub:
        yield hub


@pytest.fixture
def eventstore_hub(eventstore_hub_of_session: EventstoreHub) -> EventstoreHub:
    """The hub, without events, streams, subscriptions and connections of other tests."""
    eventstore_hub_of_session.reset()
    return eventstore_hub_of_session
