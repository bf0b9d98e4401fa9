"""The test kit of CloudEvents SQL 1.0.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from eventstore.errors import InvalidFilter
from eventstore.filters.cesql import parse
from tests.material import MATERIAL

if TYPE_CHECKING:
    from pathlib import Path

_EVENT = {"specversion": "1.0", "id": "1", "source": "/tests", "type": "tests"}

# Where the kit contradicts the text of the specification, the hub follows the text.
DISPUTED = {
    "NOT 10": (
        "section 3.7, type casting: an Integer is cast to a Boolean, every one but 0 to true; so it is false, "
        "and the kit's cast error cannot arise"
    ),
    "true and (1 != 1 / 0)": (
        "sections 3.3 and 3.4.2: an error does not change how an expression is evaluated, and 1 / 0 is 0 with a math "
        "error; so 1 != 0 and all of it is true, with that error. The kit's false is the fail-fast mode's (4.1)"
    ),
    "false or (1 != 1 / 0)": (
        "sections 3.3 and 3.4.2: as with AND, the right operand is true in spite of its math error, and so is the whole"
    ),
}


class Loader(yaml.SafeLoader):
    """Loads timestamps as text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def cases(folder: Path) -> list[Any]:
    """The cases of the kit; expressions are kept as text, whatever type YAML would give them."""
    cases = []
    for path in sorted(folder.glob("*.yaml")):
        text = path.read_text()
        raw = yaml.load(text, yaml.BaseLoader)["tests"]  # noqa: S506 - it makes strings of everything
        read = yaml.load(text, Loader)["tests"]  # noqa: S506 - a safe loader's child
        for case, written in zip(read, raw, strict=True):
            expression = written["expression"]
            marks = [pytest.mark.skip(reason=f"{expression}: {DISPUTED[expression]}")] if expression in DISPUTED else []
            name = f"{path.stem}: {case['name']}"
            cases.append(pytest.param(case | {"expression": expression}, id=name, marks=marks))
    return cases


CASES = cases(MATERIAL / "cesql") or [pytest.param({}, id="all of them")]


@pytest.mark.usefixtures("material")
@pytest.mark.parametrize("case", CASES)
def test_an_expression_evaluates_as_the_kit_says(case: dict[str, Any]) -> None:
    if case.get("error") == "parse":
        with pytest.raises(InvalidFilter):
            parse(case["expression"])
        return
    event = case.get("event", _EVENT) | case.get("eventOverrides", {})
    outcome = parse(case["expression"]).evaluate(event)
    kinds = {failure.kind for failure in outcome.failures}
    assert kinds == ({case["error"]} if "error" in case else set())
    if "result" in case:
        assert (type(outcome.value), outcome.value) == (type(case["result"]), case["result"])


@pytest.mark.parametrize(
    ("expression", "value", "errors"),
    [
        ("NOT 10", False, []),
        ("true and (1 != 1 / 0)", True, ["math"]),
        ("false or (1 != 1 / 0)", True, ["math"]),
    ],
)
def test_a_disputed_expression_evaluates_as_the_specification_says(
    expression: str, *, value: bool, errors: list[str]
) -> None:
    outcome = parse(expression).evaluate(_EVENT)
    assert (outcome.value, [failure.kind for failure in outcome.failures]) == (value, errors)
