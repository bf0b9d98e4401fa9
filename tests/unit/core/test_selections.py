from __future__ import annotations

import pytest

from eventstore.events import RecordedEvent
from eventstore.filters import EVERYTHING, Selection
from tests.examples import event


def recorded(stream: str = "wf", time: int = 1000, **attributes: str | int | bool) -> RecordedEvent:
    return RecordedEvent(stream, 1, time, event(**attributes).body)


def test_everything_matches_anything() -> None:
    assert EVERYTHING.matches(recorded())


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (["io.flunq.task.completed"], True),
        (["other", "io.flunq.task.completed"], True),
        (["io.flunq.task.*"], True),
        (["*"], True),
        (["io.flunq.task"], False),
        (["io.flunq.timer.*"], False),
    ],
)
def test_a_type_is_wanted_whole_or_by_its_beginning(wanted: list[str], *, matches: bool) -> None:
    assert Selection({"type": wanted}).matches(recorded()) is matches


def test_all_of_several_attributes_must_match() -> None:
    selection = Selection({"tenantid": ["acme"], "workflowid": ["a", "b"]})
    assert selection.matches(recorded(tenantid="acme", workflowid="b"))
    assert not selection.matches(recorded(tenantid="acme", workflowid="c"))


def test_an_attribute_that_is_not_set_matches_nothing() -> None:
    assert not Selection({"subject": ["x"]}).matches(recorded())


def test_a_star_means_more_in_types_alone() -> None:
    assert not Selection({"subject": ["a*"]}).matches(recorded(subject="ab"))


@pytest.mark.parametrize(("attribute", "wanted"), [(5, "5"), (True, "true")])
def test_numbers_and_booleans_match_as_they_are_written(attribute: int, wanted: str) -> None:
    assert Selection({"ext": [wanted]}).matches(recorded(ext=attribute))


@pytest.mark.parametrize(
    ("since", "until", "matches"), [(1000, None, True), (1001, None, False), (None, 1000, False), (1000, 1001, True)]
)
def test_since_is_included_and_until_is_not(since: int | None, until: int | None, *, matches: bool) -> None:
    assert Selection(since=since, until=until).matches(recorded(time=1000)) is matches


def test_streams_are_wanted_by_name() -> None:
    assert not Selection(streams=("other",)).matches(recorded())
