from __future__ import annotations

import json
import threading
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from eventstore.cloudevents import data_of
from eventstore.cloudevents.event import JsonData
from eventstore.cloudevents.json_text import elements, members
from eventstore_client import BadInput, LoadFailed, LoadInterrupted
from eventstore_client.cli.loader import check, load
from eventstore_client.cli.sources import Fault, Item, Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eventstore_client import EventStore
    from eventstore_client.summary import Summary
    from tests.functional.client.fake_hub import FakeHub


def item(stream: str, number: int, *, data: object = None) -> Item:
    event = {"specversion": "1.0", "id": str(number), "source": "/tests", "type": "t", "data": data}
    text = json.dumps(event)
    return Item(text, stream, f"{stream}:{number}", len(text))


def interleaved(streams: int, each: int) -> Iterator[Item]:
    return (item(f"wf-{s}", n) for n in range(1, each + 1) for s in range(streams))


def ids(hub: FakeHub, stream: str) -> list[int]:
    return [int(json.loads(body)["id"]) for body in hub.bodies(stream)]


def load_files(paths: list[Path], store: EventStore) -> Summary:
    sources = [Source(path=path) for path in paths]
    check(sources)
    return load(chain.from_iterable(source.items() for source in sources), store, publishers=8)


def histories(material: Path) -> list[Path]:
    histories = sorted((material / "workflows" / "temporal").glob("*.json"))
    assert histories, "the material has no Temporal histories"
    return histories


def test_eight_publishers_keep_the_order_of_every_stream(store: EventStore, hub: FakeHub) -> None:
    summary = load(interleaved(16, 150), store, publishers=8)

    assert (summary.new, summary.duplicates, summary.streams) == (2400, 0, 16)
    assert all(ids(hub, f"wf-{s}") == list(range(1, 151)) for s in range(16))
    assert hub.overlaps == []


def test_eight_publishers_work_side_by_side(store: EventStore, hub: FakeHub) -> None:
    together = threading.Barrier(8, timeout=10)
    hub.before_publish = lambda _: together.wait()

    assert load(interleaved(8, 1), store, publishers=8).new == 8


def test_order_holds_when_answers_are_lost_and_the_hub_is_temporarily_unavailable(
    store: EventStore, hub: FakeHub
) -> None:
    hub.faults.extend(["lose", 503, "drop", "lose", 502, "drop", "lose", 429] * 3)

    summary = load(interleaved(8, 120), store, publishers=8)

    assert summary.events == 960
    assert all(ids(hub, f"wf-{s}") == list(range(1, 121)) for s in range(8))
    assert not hub.faults


def test_a_request_has_at_most_a_hundred_events_and_less_than_a_mebibyte(store: EventStore, hub: FakeHub) -> None:
    large = (item("large", n, data="x" * 200_000) for n in range(12))

    load(chain(large, interleaved(1, 1000)), store)

    assert max(count for count, _ in hub.sizes) == 100
    assert max(size for _, size in hub.sizes) < 1024 * 1024
    assert sum(count for count, _ in hub.sizes) == 1012


def test_a_refused_event_ends_the_load_and_is_named_by_its_place(store: EventStore, hub: FakeHub) -> None:
    store.publish([item("wf-1", 3, data="first").text], stream="wf-1")

    with pytest.raises(LoadFailed, match=r"wf-1:3: .*holds another event.*run it again") as failed:
        load((item("wf-1", n) for n in range(1, 6)), store)

    assert failed.value.summary.events == len(hub.streams["wf-1"]) - 1


def test_a_load_that_failed_goes_on_when_it_is_run_again(store: EventStore, hub: FakeHub) -> None:
    failing = [item("wf-1", n) for n in range(1, 400)]
    hub.faults.append(422)
    with pytest.raises(LoadFailed):
        load(failing, store)

    load(failing, store)

    assert ids(hub, "wf-1") == list(range(1, 400))


def test_an_interrupted_load_waits_for_requests_in_progress_and_counts_them(store: EventStore, hub: FakeHub) -> None:
    begun = threading.Event()
    hub.before_publish = lambda _: begun.set()

    def interrupting() -> Iterator[Item]:
        yield from interleaved(1, 50)
        assert begun.wait(10)
        raise KeyboardInterrupt

    with pytest.raises(LoadInterrupted) as interrupted:
        load(interrupting(), store)

    assert interrupted.value.summary.new == len(hub.streams["wf-0"]) > 0


def test_a_load_is_interrupted_at_once_while_the_hub_is_away(store: EventStore, hub: FakeHub) -> None:
    hub.faults.extend([503] * 1_000_000)
    away = threading.Event()
    store.backoff = type(store.backoff)(first=60.0, longest=60.0, patience=600.0, notice=lambda _: away.set())

    def interrupting() -> Iterator[Item]:
        yield item("wf", 1)
        assert away.wait(10)
        raise KeyboardInterrupt

    with pytest.raises(LoadInterrupted):
        load(interrupting(), store)

    assert hub.streams == {}


def test_nothing_is_published_when_the_last_line_of_the_last_file_is_wrong(
    tmp_path: Path, store: EventStore, hub: FakeHub
) -> None:
    good, bad = tmp_path / "good.ndjson", tmp_path / "bad.ndjson"
    good.write_text(f"{item('a', 1).text}\n")
    bad.write_text(f"{item('a', 2).text}\n\n{{}}\n")

    with pytest.raises(BadInput, match=r"bad\.ndjson:3: .*'specversion' is missing"):
        load_files([good, bad], store)

    assert hub.publishes == 0


def test_a_file_that_went_wrong_after_its_check_ends_the_load_at_the_place(store: EventStore, hub: FakeHub) -> None:
    with pytest.raises(BadInput, match=r"events\.ndjson:2: cut short"):
        load([item("wf", 1), Fault("events.ndjson:2", "cut short"), item("wf", 3)], store)

    assert ids(hub, "wf") in ([], [1])


def test_every_event_of_every_history_is_stored_once_in_order_and_a_second_load_adds_none(
    material: Path, store: EventStore, hub: FakeHub
) -> None:
    paths = histories(material)

    first = load_files(paths, store)
    second = load_files(paths, store)

    written = {path: _texts(path) for path in paths}
    stored = [[_data(body) for body in bodies] for bodies in hub.streams.values()]
    assert sorted(stored) == sorted(written.values())
    assert (first.new, first.duplicates) == (sum(map(len, written.values())), 0)
    assert (second.new, second.duplicates) == (0, first.new)


def test_histories_loaded_one_by_one_are_those_loaded_together(material: Path, store: EventStore, hub: FakeHub) -> None:
    for path in histories(material):
        load_files([path], store)

    together = load_files(histories(material), store)

    assert together.new == 0
    assert len(hub.streams) == len(histories(material))


def test_a_run_and_its_reset_successor_are_both_kept_whole(tmp_path: Path, store: EventStore, hub: FakeHub) -> None:
    started = {"workflowId": "trip", "originalExecutionRunId": "run-1"}
    before = [{"eventId": "1", "eventType": "WorkflowExecutionStarted", "startedEventAttributes": started}]
    completed = {"eventId": "2", "eventType": "WorkflowTaskCompleted"}
    reset = {"cause": "ResetWorkflow", "newRunId": "run-2"}
    failed = {"eventId": "2", "eventType": "WorkflowTaskFailed", "workflowTaskFailedEventAttributes": reset}
    for name, last in (("run.json", completed), ("reset.json", failed)):
        (tmp_path / name).write_text(json.dumps({"events": [*before, last]}))

    load_files([tmp_path / "run.json", tmp_path / "reset.json"], store)

    assert [json.loads(body)["id"] for body in hub.bodies("trip")] == ["run-1:1", "run-1:2", "run-2:1", "run-2:2"]


def test_two_histories_that_claim_to_be_one_and_differ_are_refused_with_the_place(
    tmp_path: Path, store: EventStore
) -> None:
    paths = [tmp_path / folder / "history.json" for folder in ("one", "two")]
    for path, kind in zip(paths, ("TimerStarted", "TimerFired"), strict=True):
        path.parent.mkdir()
        started = {"workflowExecutionStartedEventAttributes": {"workflowId": "one"}}
        path.write_text(json.dumps({"events": [{"eventId": "1", "eventType": kind, **started}]}))

    with pytest.raises(LoadFailed, match=r"two/history\.json:1: .*another event"):
        load_files(paths, store)


def _texts(path: Path) -> list[str]:
    return elements(members(path.read_text())["events"].text)


def _data(body: bytes) -> str:
    data = data_of(body)
    assert isinstance(data, JsonData)
    return data.text
