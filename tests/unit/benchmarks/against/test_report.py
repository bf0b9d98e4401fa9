from __future__ import annotations

import pytest

from tests.benchmarks.against.comparing import Comparison
from tests.benchmarks.against.drivers import Drivers
from tests.benchmarks.against.report import Report, line, page_with, section_of
from tests.benchmarks.against.side import Described

PAGE = "# Benchmarks\n\n## Appending\n\n| a | b |\n"


def comparison(ratio: float, *, spread: float = 0.0, unit: str = "events/s", amount: int = 100) -> Comparison:
    of = Comparison(Described("Appending", unit, amount, 1))
    for number in range(-5, 6):
        of.add([(1.0, 1.0 / (ratio + spread * number / 4))])
    return of


def section(report: Report) -> str:
    return report.section(other="abc", own="def", machine="2 cores", rounds=11, seconds=61.4)


@pytest.mark.parametrize(
    ("report", "status"),
    [
        (Report([comparison(1.0)]), 0),
        (Report([comparison(0.95, spread=0.1)]), 0),
        (Report([comparison(1.0), comparison(0.9, spread=0.04)]), 1),
        (Report([comparison(1.0)], {"dispatch": "ImportError"}), 2),
        (Report([comparison(0.5)], {"dispatch": "ImportError"}), 1),
    ],
)
def test_the_status_says_whether_anything_is_worse_or_missing(report: Report, status: int) -> None:
    assert report.status == status


def test_a_row_has_both_figures_the_ratio_and_its_interval() -> None:
    text = section(Report([comparison(0.9, spread=0.04)]))
    assert "| Appending | 100 events/s | 90 events/s | 0.900 | 0.860 to 0.940 | worse |\n" in text
    assert "This tree (def) and commit abc: 11 rounds, 61 s, on 2 cores." in text
    assert "98.8%" in text


def test_times_are_shown_as_times() -> None:
    assert line(comparison(2.0, unit="ms", amount=1)) == (
        "Appending: 1000.00 ms -> 500.00 ms, 2.000 (2.000 to 2.000): held"
    )


def test_subjects_not_compared_or_measured_differently_are_named() -> None:
    report = Report([comparison(1.0)], {"memory": "Traceback\nImportError: no"}, {"dispatch": Drivers.WORKLOADS})
    text = section(report)
    assert "- dispatch: measured with this tree's workloads, on the other commit's own harness\n" in text
    assert "- memory: not compared, ImportError: no\n" in text


def test_a_comparison_stands_at_the_end_of_the_page_and_replaces_the_earlier_one() -> None:
    first, second = section(Report([comparison(1.0)])), section(Report([comparison(2.0)]))
    page = page_with(first, PAGE)
    assert page.startswith(PAGE)
    assert section_of(page) == first
    assert page_with(second, page) == page_with(second, PAGE)


def test_a_rewritten_page_keeps_its_comparison() -> None:
    first = section(Report([comparison(1.0)]))
    assert section_of(page_with(section_of(page_with(first, "old\n")), PAGE)) == first
    assert page_with(section_of(PAGE), PAGE) == PAGE
