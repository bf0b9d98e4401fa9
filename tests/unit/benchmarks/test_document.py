"""The page of the benchmarks: all sections, or some of them replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import __main__ as command
from tests.benchmarks.document import Section, document, with_sections
from tests.benchmarks.measure import Aim, Figure, Unit

MACHINE, OTHER = "2 cores", "8 cores"
ORDER = ["Appending", "Serving", "Memory"]
AGAINST = "## Against another commit\n\nThis tree and another.\n\n| what |\n| --- |\n"


def section(title: str, value: float) -> Section:
    return Section(title, f"How {title.lower()} is measured.", [Figure("A figure", value, Unit.RATIO, Aim("≤", 3))])


def page(*values: tuple[str, float], comparison: str = AGAINST) -> str:
    return document([section(*value) for value in values], machine=MACHINE) + f"\n{comparison}"


def test_a_section_replaces_the_one_with_its_title_and_nothing_else() -> None:
    before = page(("Appending", 1), ("Serving", 2), ("Memory", 3))
    after = with_sections(before, [section("Serving", 4)], order=ORDER, machine=MACHINE)
    assert after == page(("Appending", 1), ("Serving", 4), ("Memory", 3))


def test_a_new_section_stands_where_a_whole_run_writes_it() -> None:
    before = page(("Appending", 1), ("Memory", 3))
    after = with_sections(before, [section("Serving", 2)], order=ORDER, machine=MACHINE)
    assert after == page(("Appending", 1), ("Serving", 2), ("Memory", 3))


def test_sections_that_no_run_writes_any_more_are_kept_before_the_comparison() -> None:
    before = page(("Gone", 5), ("Appending", 1))
    after = with_sections(before, [section("Memory", 3)], order=ORDER, machine=MACHINE)
    assert after == page(("Appending", 1), ("Memory", 3), ("Gone", 5))


def test_a_section_of_another_machine_names_it() -> None:
    before = page(("Appending", 1), ("Serving", 2))
    after = with_sections(before, [section("Serving", 4)], order=ORDER, machine=OTHER)
    assert "How serving is measured.\nMeasured on 8 cores.\n\n| what" in after
    assert after.count("Measured on 2 cores.") == 1
    assert with_sections(after, [section("Serving", 2)], order=ORDER, machine=MACHINE) == before


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the command writes; its subjects are two, of which each figure is 2."""
    place = tmp_path / "benchmarks.md"
    monkeypatch.setattr(command, "PLACE", place)
    monkeypatch.setattr(command, "machine", lambda: MACHINE)
    subjects = {
        title.lower(): command._Subject(title, f"How {title.lower()} is measured.", section(title, 2).figures.__iter__)
        for title in ("Appending", "Serving")
    }
    monkeypatch.setattr(command, "_SUBJECTS", subjects)
    return place


def test_a_run_of_all_writes_all_and_keeps_the_comparison(place: Path) -> None:
    place.write_text(page(("Appending", 1), ("Serving", 1)))
    assert command.main([]) == 0
    assert place.read_text() == page(("Appending", 2), ("Serving", 2))


@pytest.mark.parametrize("arguments", [["--only", "serving", "--write"], ["serving", "--write"]])
def test_a_run_of_some_writes_their_sections_if_asked_to(place: Path, arguments: list[str]) -> None:
    place.write_text(page(("Appending", 1), ("Serving", 1)))
    assert command.main(arguments) == 0
    assert place.read_text() == page(("Appending", 1), ("Serving", 2))


def test_a_run_of_some_writes_nothing_otherwise(place: Path) -> None:
    place.write_text(before := page(("Appending", 1), ("Serving", 1)))
    assert command.main(["--only", "serving"]) == 0
    assert place.read_text() == before


def test_the_page_of_the_repository_keeps_all_of_its_text_if_a_section_is_added() -> None:
    before = (Path(__file__).parents[3] / "docs/benchmarks.md").read_text(encoding="utf-8")
    order = [subject.title for subject in command._SUBJECTS.values()]
    after = with_sections(before, [section("A new one", 1)], order=order, machine=MACHINE)
    assert sorted(set(before.splitlines()) - set(after.splitlines())) == []
