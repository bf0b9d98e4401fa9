from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime

from eventstore.cloudevents import from_json
from eventstore.streams import stream_of
from eventstore_client.cli.demo import items, runs


def test_the_same_seed_and_start_generate_the_same_events() -> None:
    assert [run.events for run in runs(20, seed=7)] == [run.events for run in runs(20, seed=7)]


def test_another_seed_generates_other_events() -> None:
    assert runs(5, seed=1)[0].events != runs(5, seed=2)[0].events


def test_another_start_makes_other_events() -> None:
    later = runs(1, start=datetime(2027, 1, 1, tzinfo=UTC))[0].events

    assert later[0]["time"].startswith("2027-01-01T00:00:")
    assert {event["id"] for event in later}.isdisjoint(event["id"] for event in runs(1)[0].events)


def test_asking_for_more_runs_changes_none_of_the_first() -> None:
    assert runs(30)[:10] == runs(10)


def test_every_event_is_valid_and_belongs_to_its_run() -> None:
    for item in items(runs(30)):
        assert stream_of(from_json(item.text)) == item.stream


def test_no_two_events_share_source_and_id() -> None:
    events = [from_json(item.text) for item in items(runs(60))]

    assert len({(event.source, event.id) for event in events}) == len(events)


def test_events_come_in_by_time_and_each_run_in_its_order() -> None:
    made = runs(30)
    times = defaultdict(list)
    for item in items(made):
        event = from_json(item.text)
        times[item.stream].append(event.id)

    everything = [from_json(item.text).attributes["time"] for item in items(made)]
    assert everything == sorted(everything, key=str)
    assert times == {run.stream: [event["id"] for event in run.events] for run in made}


def test_a_run_starts_and_comes_to_an_end() -> None:
    for run in runs(60):
        assert run.events[0]["type"] == "io.flunq.execution.started"
        assert run.events[-1]["type"] in {"io.flunq.workflow.completed", "io.flunq.workflow.failed"}


def test_a_task_ends_as_often_as_it_was_begun() -> None:
    for run in runs(60):
        count = Counter(event["type"].removeprefix("io.flunq.") for event in run.events)
        assert count["task.requested"] + count["task.retried"] == count["task.completed"] + count["task.failed"]
        assert count["timer.scheduled"] == count["timer.fired"]


def test_sixty_runs_contain_every_kind_of_event() -> None:
    made = runs(60)

    assert {event["type"].removeprefix("io.flunq.") for run in made for event in run.events} == {
        "execution.started",
        "task.requested",
        "task.completed",
        "task.failed",
        "task.retried",
        "timer.scheduled",
        "timer.fired",
        "workflow.completed",
        "workflow.failed",
    }
    assert len({run.tenant for run in made}) == 3


def test_every_event_but_the_first_names_its_cause() -> None:
    for run in runs(10):
        causes = [event.get("causationid") for event in run.events]
        assert causes == [None, *(event["id"] for event in run.events[:-1])]
