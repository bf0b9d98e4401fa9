from __future__ import annotations

from eventstore.streams import StreamName
from eventstore_server.metrics.latency import PublishLatency
from eventstore_server.metrics.registry import Distribution

STREAM = StreamName("s")


def measured() -> tuple[PublishLatency, Distribution]:
    seconds = Distribution((1,))
    return PublishLatency(seconds), seconds


def test_the_time_from_an_append_to_its_frame_is_measured() -> None:
    latency, seconds = measured()
    latency.appended(STREAM, 7, began=10.0)
    latency.sent([(STREAM, 7)], at=10.5)
    assert seconds.state() == ([1, 1], 0.5)


def test_a_frame_may_be_sent_before_the_thread_that_appended_goes_on() -> None:
    latency, seconds = measured()
    latency.sent([(STREAM, 7)], at=10.5)
    latency.appended(STREAM, 7, began=10.0)
    assert seconds.state() == ([1, 1], 0.5)


def test_events_of_other_instances_and_of_nobody_are_not_measured() -> None:
    latency, seconds = measured()
    latency.appended(STREAM, 1, began=10.0)
    latency.sent([(STREAM, 2)], at=10.5)
    assert seconds.state() == ([0, 0], 0.0)


def test_an_append_is_measured_once() -> None:
    latency, seconds = measured()
    latency.appended(STREAM, 7, began=10.0)
    latency.sent([(STREAM, 7)], at=10.5)
    latency.sent([(STREAM, 7)], at=99.0)
    assert seconds.state() == ([1, 1], 0.5)


def test_what_nobody_subscribes_to_is_forgotten() -> None:
    latency, seconds = measured()
    for sequence in range(20_000):
        latency.appended(STREAM, sequence, began=0.0)
    latency.sent([(STREAM, sequence) for sequence in range(20_000)], at=0.5)
    assert seconds.state() == ([10_000, 10_000], 5_000.0)
