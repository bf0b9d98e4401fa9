from __future__ import annotations

import pytest

from eventstore.cloudevents.event import RecordedEvent
from eventstore.filters import filter_of_parameters, sql_filter
from eventstore.read.selection import EVERYTHING, Selection
from tests.examples import event


def recorded(stream: str = "wf", time: int = 1000, **attributes: str | int | bool) -> RecordedEvent:
    return RecordedEvent(stream, 1, time, event(**attributes).body)


def test_everything_matches_anything() -> None:
    assert EVERYTHING.matches(recorded())


def test_an_event_is_selected_by_its_attributes() -> None:
    selection = Selection(filter_of_parameters({"subject": ["a"]}))
    assert selection.matches(recorded(subject="a"))
    assert not selection.matches(recorded(subject="b"))


@pytest.mark.parametrize(
    "expression", ["hubstream = 'wf'", "hubsequence = '1'", "hubsequence < 2", "hubtime = '1970-01-01T00:00:01.000Z'"]
)
def test_an_event_is_selected_by_attributes_that_the_hub_adds(expression: str) -> None:
    assert Selection(sql_filter(expression, pointer="filter")).matches(recorded())


@pytest.mark.parametrize(
    ("since", "until", "matches"), [(1000, None, True), (1001, None, False), (None, 1000, False), (1000, 1001, True)]
)
def test_since_is_included_and_until_is_not(since: int | None, until: int | None, *, matches: bool) -> None:
    assert Selection(since=since, until=until).matches(recorded(time=1000)) is matches


def test_streams_are_selected_by_name() -> None:
    assert not Selection(streams=("other",)).matches(recorded())
