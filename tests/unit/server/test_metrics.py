"""Counting, and Prometheus' text format."""

from __future__ import annotations

import threading

import pytest

from eventstore_server.metrics.catalogue import ServerMetrics
from eventstore_server.metrics.exposition import text_of
from eventstore_server.metrics.registry import Counter, Gauge, Histogram
from tests.scrapes import parsed


def test_counts_of_several_threads_are_not_lost() -> None:
    counter = Counter("a_total", "A.", ("door",))

    def add() -> None:
        for _ in range(10_000):
            counter.add("rest")

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert parsed(text_of([counter]))["a_total", ("door", "rest")] == 40_000


def test_a_counter_without_labels_starts_at_zero() -> None:
    assert text_of([Counter("a_total", "A.")]).splitlines()[-1] == "a_total 0"


def test_the_buckets_of_a_histogram_are_cumulative_and_include_their_bound() -> None:
    histogram = Histogram("a_seconds", "A.", (0.5, 1), ("kind",))
    for value in (0.25, 0.5, 0.75, 3):
        histogram.observe(value, "x")
    scrape = parsed(text_of([histogram]))
    assert [scrape["a_seconds_bucket", ("kind", "x"), ("le", le)] for le in ("0.5", "1", "+Inf")] == [2, 3, 4]
    assert scrape["a_seconds_sum", ("kind", "x")] == 4.5
    assert scrape["a_seconds_count", ("kind", "x")] == 4


def test_a_gauge_is_read_for_each_scrape() -> None:
    gauge, values = Gauge("a", "A."), [3.0]
    gauge.read_with(lambda: {(): values[0]})
    assert parsed(text_of([gauge]))["a",] == 3
    values[0] = 0.125
    assert parsed(text_of([gauge]))["a",] == 0.125


def test_quotes_backslashes_and_line_ends_in_labels_are_escaped() -> None:
    counter = Counter("a_total", "A.", ("x",))
    counter.add('"\\\n')
    assert parsed(text_of([counter]))["a_total", ("x", '"\\\n')] == 1


def test_a_label_without_a_value_is_a_fault() -> None:
    counter = Counter("a_total", "A.", ("x",))
    counter.add("1", "2")
    with pytest.raises(ValueError, match="longer"):
        text_of([counter])


def test_names_and_units_of_the_servers_metrics_follow_prometheus_conventions() -> None:
    families = ServerMetrics().families()
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.name.startswith(("eventstore_", "process_")), family.name
        assert (family.kind == "counter") == family.name.endswith("_total"), family.name
        assert "le" not in family.labels


def test_all_metrics_of_a_server_that_has_done_nothing_are_valid() -> None:
    parsed(text_of(ServerMetrics().families()))
