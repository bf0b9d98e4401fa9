from __future__ import annotations

from typing import Any

import pytest

from eventstore_dev.parameters import settle_parameters
from eventstore_dev.template_file import TemplateError


@pytest.mark.parametrize(
    ("declared", "given", "complaint"),
    [
        ({"Type": "String"}, {}, "P has no default, so it must be given: --parameter P=VALUE"),
        ({"Type": "String", "AllowedValues": ["a", "b"]}, {"P": "c"}, "P is 'c'; it must be one of a, b"),
        ({"Type": "String", "AllowedPattern": "a+"}, {"P": "b"}, r"P is 'b'; it must match a\+"),
        (
            {"Type": "String", "AllowedPattern": "a+", "ConstraintDescription": "must be full of a"},
            {"P": "b"},
            "P is 'b'; it must be full of a",
        ),
        ({"Type": "CommaDelimitedList", "AllowedPattern": "a+"}, {"P": "a, b"}, r"P is 'b'; it must match a\+"),
        ({"Type": "Number"}, {"P": "many"}, "P is 'many'; it must be a number"),
        ({"Type": "String", "Default": "x"}, {"Q": "1"}, "has no parameter Q; it has P"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(
    declared: dict[str, Any], given: dict[str, str], complaint: str
) -> None:
    with pytest.raises(TemplateError, match=complaint):
        settle_parameters({"P": declared}, given=given)


def test_each_element_of_a_list_fits_by_itself() -> None:
    declared = {"Type": "CommaDelimitedList", "AllowedPattern": "a+"}
    assert settle_parameters({"P": declared}, given={"P": "a, aa"}) == {"P": ["a", "aa"]}


def test_a_masked_parameter_that_does_not_fit_is_not_shown() -> None:
    declared = {"Type": "String", "NoEcho": True, "AllowedPattern": "a+"}
    with pytest.raises(TemplateError) as refused:
        settle_parameters({"P": declared}, given={"P": "hidden"})
    assert str(refused.value) == "The parameter P is ****; it must match a+"
