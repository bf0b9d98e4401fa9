"""The checker on publishing: the answers to publishers against the final content of the store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.transcripts.checker import first_violation
from tests.transcripts.transcript import Publish, Result, StoredStream, Transcript
from tests.transcripts.violation import Kind
from tests.unit.transcripts.mutation import violation_in

if TYPE_CHECKING:
    from tests.transcripts.transcript import Json


def event(number: int) -> Json:
    return {"specversion": "1.0", "id": str(number), "source": "/s", "type": "t", "data": number}


def recorded(number: int, sequence: int | None = None) -> Json:
    place = {"hubstream": "wf", "hubsequence": str(sequence or number), "hubtime": "2026-01-01T00:00:00Z"}
    return {**event(number), **place}


def publish(*numbers: int, answered: bool = True, first: int | None = None, duplicate: bool = False) -> Publish:
    """A publish of numbered events, at sequences from `first` on, by default their numbers."""
    start = first or numbers[0]
    results = [Result("wf", start + index, str(number), duplicate) for index, number in enumerate(numbers)]
    return Publish(
        publisher="p",
        begun=numbers[0],
        answered=numbers[0] + 0.5 if answered else None,
        events=tuple(map(event, numbers)),
        stream="wf",
        results=tuple(results) if answered else (),
    )


def run(*publishes: Publish, store: tuple[Json, ...], first: int = 1) -> Transcript:
    stream = StoredStream(stream="wf", first=first, events=store)
    return Transcript(publishes=publishes, streams=(stream,), subscribers=())


def test_answers_that_agree_with_the_store_pass() -> None:
    good = run(publish(1, 2), publish(3), store=(recorded(1), recorded(2), recorded(3)))
    assert first_violation(good) is None


def test_a_removed_event_is_not_lost() -> None:
    assert first_violation(run(publish(1, 2), publish(3), store=(recorded(3),), first=3)) is None


def test_an_answered_event_that_is_not_in_the_store_is_lost() -> None:
    violation = violation_in(run(publish(1, 2), store=(recorded(1),)))
    assert (violation.kind, violation.location.sequences) == (Kind.LOST, (2,))


def test_a_stream_that_is_not_in_the_store_is_lost() -> None:
    assert violation_in(replace(run(publish(1), store=()), streams=())).kind is Kind.LOST


def test_an_event_at_another_position_than_answered_is_lost() -> None:
    assert violation_in(run(publish(1, 2), store=(recorded(2, 1), recorded(1, 2)))).kind is Kind.LOST


def test_an_event_stored_twice_is_reported() -> None:
    store = (recorded(1), recorded(2), recorded(1, 3))
    kinds = violation_in(run(publish(1, 2), store=store)).kind
    assert kinds is Kind.TWICE


def test_a_gap_in_the_stored_events_is_reported() -> None:
    violation = violation_in(run(publish(1), publish(2, first=3), store=(recorded(1), recorded(2, 3))))
    assert violation.kind is Kind.GAP
    assert "1, 3" in violation.sentence


def test_a_gap_in_the_answers_for_removed_events_is_reported() -> None:
    assert violation_in(run(publish(1), publish(2, first=3), store=(), first=4)).kind is Kind.GAP


def test_a_sequence_of_an_unanswered_publish_is_no_gap() -> None:
    good = run(publish(1), publish(2, answered=False), publish(3), store=(), first=4)
    assert first_violation(good) is None


def test_two_events_answered_with_one_position_are_reported() -> None:
    assert violation_in(run(publish(1), publish(2, first=1), store=(recorded(1),))).kind is Kind.MISPLACED


def test_an_event_answered_with_two_positions_is_reported() -> None:
    again = replace(publish(1, first=2, duplicate=True), begun=5.0, answered=6.0)
    assert violation_in(run(publish(1), again, store=(recorded(1), recorded(1, 2)))).kind is Kind.MISPLACED


def test_a_batch_with_too_few_results_is_reported() -> None:
    short = replace(publish(1, 2), results=publish(1).results)
    assert violation_in(run(short, store=(recorded(1), recorded(2)))).kind is Kind.MISPLACED


def test_a_retry_answered_with_duplicates_passes() -> None:
    retry = replace(publish(1, 2, duplicate=True), begun=5.0, answered=6.0)
    assert first_violation(run(publish(1, 2, answered=False), retry, store=(recorded(1), recorded(2)))) is None


def test_a_batch_stored_in_part_is_torn() -> None:
    assert violation_in(run(publish(1, 2, answered=False), store=(recorded(1),))).kind is Kind.TORN


def test_a_batch_without_an_answer_may_be_stored_whole_or_not_at_all() -> None:
    unanswered = publish(1, 2, answered=False)
    assert first_violation(run(unanswered, store=(recorded(1), recorded(2)))) is None
    assert first_violation(run(unanswered, store=())) is None


def test_a_stored_event_that_differs_from_the_published_one_is_altered() -> None:
    assert violation_in(run(publish(1), store=({**recorded(1), "data": True},))).kind is Kind.ALTERED


def test_a_stored_event_that_nobody_published_is_invented() -> None:
    assert violation_in(run(publish(1), store=(recorded(1), recorded(2)))).kind is Kind.INVENTED


def test_numbers_are_compared_as_numbers() -> None:
    assert first_violation(run(publish(1), store=({**recorded(1), "data": 1.0},))) is None


def test_a_null_attribute_counts_as_absent() -> None:
    null = replace(publish(1), events=({**event(1), "subject": None},))
    assert first_violation(run(null, store=(recorded(1),))) is None


def test_an_event_that_was_removed_before_its_retry_stored_it_again_leaves_no_gap() -> None:
    removed = run(publish(1), publish(2, answered=False), publish(2, first=3), store=(), first=4)
    assert first_violation(removed) is None


def test_a_gap_of_one_stream_is_not_explained_by_an_unanswered_publish_to_another() -> None:
    elsewhere = replace(publish(2, answered=False), stream="other")
    assert violation_in(run(publish(1), elsewhere, publish(2, first=3), store=(), first=4)).kind is Kind.GAP
