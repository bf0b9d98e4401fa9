from __future__ import annotations

from typing import Any

import pytest

from tests.transcripts.matching import matches, wanted

EVENT = {"type": "io.flunq.task.completed", "subject": "a.json", "priority": 5, "flag": True, "hubstream": "wf-1"}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"exact": {"type": "io.flunq.task.completed"}}, True),
        ({"exact": {"type": "io.flunq.task"}}, False),
        ({"exact": {"type": "io.flunq.task.completed", "subject": "b"}}, False),
        ({"exact": {"missing": "x"}}, False),
        ({"exact": {"priority": "5", "flag": "true"}}, True),
        ({"exact": {"hubstream": "wf-1"}}, True),
        ({"prefix": {"type": "io.flunq."}}, True),
        ({"prefix": {"type": "flunq"}}, False),
        ({"suffix": {"subject": ".json"}}, True),
        ({"suffix": {"subject": "a"}}, False),
        ({"all": [{"prefix": {"type": "io."}}, {"suffix": {"subject": ".xml"}}]}, False),
        ({"any": [{"prefix": {"type": "com."}}, {"suffix": {"subject": ".json"}}]}, True),
        ({"not": {"exact": {"missing": "x"}}}, True),
        ({"not": {"prefix": {"type": "io."}}}, False),
    ],
)
def test_filters_mean_what_the_protocol_says(condition: dict[str, Any], *, holds: bool) -> None:
    assert matches(condition, EVENT) is holds


def test_a_dialect_that_transcripts_do_not_use_is_refused() -> None:
    with pytest.raises(ValueError, match="'sql'"):
        matches({"sql": "TRUE"}, EVENT)


@pytest.mark.parametrize(("stream", "holds"), [(None, True), ("wf-1", True), ("wf-2", False), (["wf-2", "wf-1"], True)])
def test_streams_are_selected_by_name(stream: str | list[str] | None, *, holds: bool) -> None:
    assert wanted({} if stream is None else {"stream": stream}, EVENT) is holds


def test_all_filters_of_a_subscription_must_match() -> None:
    filters = [{"prefix": {"type": "io."}}, {"exact": {"subject": "other"}}]
    assert not wanted({"filters": filters}, EVENT)
