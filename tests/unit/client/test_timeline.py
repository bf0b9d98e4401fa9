from __future__ import annotations

from eventstore_client.cli.timeline import timeline
from eventstore_client.recorded import Recorded


def recorded(sequence: int, **attributes: str) -> Recorded:
    members = "".join(f',"{name}":"{value}"' for name, value in attributes.items())
    text = (
        f'{{"id":"x","hubstream":"wf","hubsequence":"{sequence}"{members},"data":{{"attempt":2,"error":"no","x":[]}}}}'
    )
    return Recorded.from_text(text)


def test_a_timeline_has_a_row_for_each_event_with_columns_in_line() -> None:
    events = [
        recorded(9, type="task.failed", time="2026-01-05T09:00:00.120Z", taskid="charge-card"),
        recorded(10, type="workflow.completed"),
    ]

    assert list(timeline(events)) == [
        " #  time                     type                task         what",
        "──  ───────────────────────  ──────────────────  ───────────  ───────────────────",
        " 9  2026-01-05 09:00:00.120  task.failed         charge-card  attempt 2, error no",
        "10                           workflow.completed               attempt 2, error no",
    ]


def test_an_event_without_a_time_or_known_data_shows_what_there_is() -> None:
    text = (
        '{"id":"x","type":"t","hubstream":"wf","hubsequence":"2","hubtime":"2026-01-05T09:00:00.120Z",'
        '"data":{"task":"charge-card","a":[],"b":1,"c":2,"d":3}}'
    )

    assert " ".join(list(timeline([Recorded.from_text(text)]))[2].split()) == (
        "2 2026-01-05 09:00:00.120 t task charge-card, b 1, c 2"
    )


def test_an_empty_stream_has_a_head_alone() -> None:
    assert len(list(timeline([]))) == 2
