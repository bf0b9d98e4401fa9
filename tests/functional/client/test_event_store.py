from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cloudevents.core.v1.event import CloudEvent

from eventstore_client import (
    Backoff,
    ConnectFailed,
    EventConflict,
    EventStore,
    HistoryLost,
    Invalid,
    Loss,
    Missing,
    NotFound,
    Unavailable,
    UnexpectedAnswer,
    WrongExpectedVersion,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.client.fake_hub import FakeHub


def event(event_id: str = "1", **members: object) -> dict[str, Any]:
    return {"specversion": "1.0", "id": event_id, "source": "/tests", "type": "io.flunq.task.completed", **members}


def test_published_events_read_back_in_order(store: EventStore) -> None:
    store.publish([event(str(number)) for number in range(1, 6)], stream="wf-1")

    assert [(e.sequence, e.id) for e in store.read("wf-1")] == [(n, str(n)) for n in range(1, 6)]


def test_a_publish_returns_the_position_of_each_event(store: EventStore) -> None:
    store.publish([event("1")], stream="wf-1")

    stored = store.publish([event("1"), event("2")], stream="wf-1")

    assert [(s.stream, s.sequence, s.id, s.duplicate) for s in stored] == [
        ("wf-1", 1, "1", True),
        ("wf-1", 2, "2", False),
    ]


def test_events_go_where_their_attributes_say_unless_a_stream_is_named(store: EventStore) -> None:
    [stored] = store.publish([event(tenantid="acme", workflowid="wf-7")])

    assert stored.stream == "acme:wf-7"


def test_publishing_nothing_asks_the_hub_nothing(store: EventStore, hub: FakeHub) -> None:
    assert store.publish([]) == []
    assert hub.publishes == 0


def test_an_event_of_the_cloudevents_library_comes_back_as_one(store: EventStore) -> None:
    published = CloudEvent({"id": "7", "source": "/tests", "type": "t", "workflowid": "wf"}, {"answer": 42})

    store.publish([published])
    [recorded] = store.read("wf")

    assert recorded.cloudevent().get_data() == {"answer": 42}
    assert recorded.cloudevent().get_extension("workflowid") == "wf"
    assert recorded.cloudevent().get_time() == published.get_time()


def test_binary_data_of_the_cloudevents_library_come_back_byte_for_byte(store: EventStore) -> None:
    attributes = {"id": "7", "source": "/tests", "type": "t", "datacontenttype": "image/png"}
    store.publish([CloudEvent(attributes, bytes(range(256)))], stream="wf")

    [recorded] = store.read("wf")

    assert recorded.data == bytes(range(256))
    assert recorded.data_text is None


@pytest.mark.parametrize("number", ["1.0", "1e400", "-0.0", "12345678901234567890", "0.10000000000000000555111512"])
def test_a_number_in_json_text_is_preserved_verbatim(store: EventStore, number: str) -> None:
    text = json.dumps(event(data="N")).replace('"N"', f'{{"n": {number}}}')

    store.publish([text.encode()], stream="wf")
    [recorded] = store.read("wf")

    assert recorded.data_text == f'{{"n": {number}}}'


def test_reading_goes_on_page_by_page(store: EventStore) -> None:
    store.publish([event(str(number)) for number in range(1, 24)], stream="wf")

    assert [e.sequence for e in store.read("wf", start=3, stop=21, page=5)] == list(range(3, 22))


def test_a_stream_may_be_named_by_any_character_that_names_have(store: EventStore) -> None:
    store.publish([event()], stream="a.b_c:d~e-F9")

    assert [e.stream for e in store.read("a.b_c:d~e-F9")] == ["a.b_c:d~e-F9"]


def test_a_publish_that_expects_another_end_is_refused(store: EventStore) -> None:
    store.publish([event("1")], stream="wf", expected=0)

    with pytest.raises(WrongExpectedVersion) as refused:
        store.publish([event("2")], stream="wf", expected=7)

    assert (refused.value.status, refused.value.problem["actual"]) == (412, 1)


def test_a_publish_that_expects_the_right_end_is_stored(store: EventStore) -> None:
    store.publish([event("1")], stream="wf", expected=0)

    [stored] = store.publish([event("2")], stream="wf", expected=1)

    assert stored.sequence == 2


def test_another_event_under_the_same_id_is_refused_and_named(store: EventStore) -> None:
    store.publish([event("1", data=1)], stream="wf")

    with pytest.raises(EventConflict) as refused:
        store.publish([event("1", data=2)], stream="wf")

    assert refused.value.errors[0]["pointer"] == "/0"


def test_an_event_that_breaks_a_rule_is_refused_at_once(store: EventStore, hub: FakeHub) -> None:
    with pytest.raises(Invalid, match="source"):
        store.publish([{"specversion": "1.0", "id": "1", "type": "t"}])

    assert hub.publishes == 1


def test_a_stream_that_is_not_there_is_not_found(store: EventStore) -> None:
    with pytest.raises(NotFound):
        list(store.read("nowhere"))


@pytest.mark.parametrize("fault", [429, 500, 502, 503, 504, "drop", "lose"])
def test_a_publish_survives_transient_failures(store: EventStore, hub: FakeHub, fault: int | str) -> None:
    hub.faults.extend([fault, fault])

    store.publish([event("1"), event("2")], stream="wf")

    assert [json.loads(body)["id"] for body in hub.bodies("wf")] == ["1", "2"]
    assert hub.publishes == 3


def test_a_publish_with_a_lost_answer_succeeds_although_the_stream_has_grown(store: EventStore, hub: FakeHub) -> None:
    hub.faults.append("lose")

    [stored] = store.publish([event("1")], stream="wf", expected=0)

    assert (stored.sequence, stored.duplicate) == (1, True)


def test_a_hub_that_stays_unavailable_is_given_up(hub: FakeHub, open_store: Callable[..., EventStore]) -> None:
    hub.faults.extend([503] * 100)
    backoff = Backoff(patience=0.05, first=0.01, longest=0.01)

    with open_store(hub.url, backoff=backoff) as store, pytest.raises(Unavailable, match="does not answer"):
        store.publish([event()], stream="wf")


def test_a_refused_connection_is_reported_with_the_address(open_store: Callable[..., EventStore]) -> None:
    with (
        open_store("http://127.0.0.1:9", backoff=Backoff(patience=0)) as store,
        pytest.raises(ConnectFailed, match=r"http://127\.0\.0\.1:9"),
    ):
        store.health()


@pytest.mark.parametrize("url", ["127.0.0.1:8081", "ftp://example.org", "http://", "http://[::1"])
def test_an_invalid_address_is_refused_at_once(url: str, open_store: Callable[..., EventStore]) -> None:
    with pytest.raises(ConnectFailed, match="is not an HTTP address"):
        open_store(url)


def test_the_environment_names_the_hub_when_the_caller_does_not(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, open_store: Callable[..., EventStore]
) -> None:
    monkeypatch.setenv("EVENTSTORE_URL", f"{hub.url}/")

    with open_store() as store:
        assert store.url == hub.url
        assert store.health() == {"status": "ok"}


def test_without_any_address_it_is_the_development_hub(
    monkeypatch: pytest.MonkeyPatch, open_store: Callable[..., EventStore]
) -> None:
    monkeypatch.delenv("EVENTSTORE_URL", raising=False)

    with open_store() as store:
        assert store.url == "http://127.0.0.1:8081"


def test_a_stream_can_be_looked_at(store: EventStore) -> None:
    store.publish([event()], stream="wf:1")

    assert store.stream("wf:1")["head"] == 1


def test_an_invalid_answer_is_reported(store: EventStore, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "page", lambda *_: b"<html>")
    store.publish([event()], stream="wf")

    with pytest.raises(UnexpectedAnswer, match="<html>"):
        list(store.read("wf"))


def test_a_single_event_instead_of_several_is_an_error(store: EventStore) -> None:
    with pytest.raises(TypeError, match="in a list"):
        store.publish(json.dumps(event()))


@pytest.fixture
def trimmed(store: EventStore, hub: FakeHub) -> EventStore:
    """A store in which 3 and 4 of `wf` are removed before a reading reaches them."""
    store.publish([event(str(number)) for number in range(1, 7)], stream="wf")
    hub.missing[3] = [{"stream": "wf", "first": 3, "last": 4}]
    return store


def test_events_removed_while_a_stream_is_read_are_an_error(trimmed: EventStore) -> None:
    reading = trimmed.read("wf", page=2)
    assert [next(reading).sequence, next(reading).sequence] == [1, 2]

    with pytest.raises(HistoryLost, match="wf 3 to 4") as lost:
        next(reading)

    assert (lost.value.loss, lost.value.cursor) == (Loss(missing=(Missing("wf", 3, 4),)), "")


def test_a_reading_continues_after_an_accepted_loss(trimmed: EventStore) -> None:
    losses: list[Loss] = []

    sequences = [event.sequence for event in trimmed.read("wf", page=2, on_loss=losses.append)]

    assert (sequences, losses) == ([1, 2, 3, 4, 5, 6], [Loss(missing=(Missing("wf", 3, 4),))])
