"""What the pages say of each other, of prices, of the template and of the tests holds."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.pages.capacity import planned
from tests.pages.costs import reckoned
from tests.pages.tables import numbers, rows

_ROOT = Path(__file__).parents[2]
_PAGES = [_ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((_ROOT / "docs").rglob("*.md"))
_OPERATIONS = _ROOT / "docs/operations"
_STACKS = _ROOT / "infra/stacks"


@cache
def _text(page: Path) -> str:
    return page.read_text()


def _prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^( *)```.*?^\1```$", "", _text(page), flags=re.DOTALL | re.MULTILINE)


@cache
def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def _links(page: Path) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", _prose(page)) if not re.match(r"https?://", link)]


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in _links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_tests_that_are_named_are_there(page: Path) -> None:
    tests = "\n".join(path.read_text() for path in (_ROOT / "tests").rglob("*.py"))
    for name in re.findall(r"`(test_\w+)`", _text(page)):
        assert f"def {name}(" in tests, name


def test_costs_follow_from_the_prices_and_assumptions_that_are_stated() -> None:
    page = _text(_OPERATIONS / "costs.md")
    assert reckoned(page) == page, "run python -m tests.pages"


def test_capacity_follows_from_the_same_assumptions() -> None:
    page, assumed = _text(_OPERATIONS / "capacity.md"), numbers(_text(_OPERATIONS / "costs.md"), "Assumptions")
    assert planned(page, assumed) == page, "run python -m tests.pages"


def test_a_price_that_changes_changes_the_costs() -> None:
    page = _text(_OPERATIONS / "costs.md")
    dearer = page.replace("| a million WebSocket messages | 1.00 |", "| a million WebSocket messages | 2.00 |")
    [before], [after] = (
        [
            float(cells[2].replace(",", ""))
            for cells in rows(text, "What a million events cost")
            if "WebSocket" in cells[0]
        ]
        for text in (page, reckoned(dearer))
    )
    assert after == 2 * before


def test_memory_and_time_of_functions_are_those_of_the_template() -> None:
    template = yaml.load(_text(_ROOT / "template.yaml"), Loader=_Loader)  # noqa: S506 - our own tags
    default = template["Globals"]["Function"]["MemorySize"]
    assumed = numbers(_text(_OPERATIONS / "costs.md"), "Assumptions")
    for name in ("Rest", "Dispatch", "Deliver"):
        memory = template["Resources"][f"{name}Function"]["Properties"].get("MemorySize", default)
        assert assumed[f"memory of {name.lower()}, MB"] == memory


def test_every_parameter_of_the_template_is_told_of() -> None:
    template = yaml.load(_text(_ROOT / "template.yaml"), Loader=_Loader)  # noqa: S506 - our own tags
    told = {name for cells in rows(_text(_ROOT / "docs/operations.md"), "Parameters") for name in _quoted(cells[0])}
    assert template["Parameters"].keys() <= told
    if _STACKS.is_dir():
        assert told <= template["Parameters"].keys()


@pytest.mark.skipif(not (_STACKS / "alarms.yaml").is_file(), reason="there are no alarms yet")
def test_every_alarm_has_a_place_in_the_runbook_and_nothing_else_has() -> None:
    stack = yaml.load(_text(_STACKS / "alarms.yaml"), Loader=_Loader)  # noqa: S506 - our own tags
    alarms = {name for name, one in stack["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"}
    headings = re.findall(r"^## (.+)$", _text(_OPERATIONS / "runbook.md"), re.MULTILINE)
    assert set(headings) - {"First"} == alarms
    assert len(headings) == len(set(headings))


def _quoted(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's own tags as nothing."""


_Loader.add_multi_constructor("!", lambda *_: None)
