"""A parsed and compiled expression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from eventstore.filters.cesql.compiler import compiled
from eventstore.filters.cesql.hints import equalities_of
from eventstore.filters.cesql.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.cloudevents.event import AttributeValue
    from eventstore.filters.cesql.values import Attributes, Evaluator, Failure, Failures
    from eventstore.filters.equalities import Equalities

__all__ = ["Evaluation", "Expression", "parse"]


class Evaluation(NamedTuple):
    """The result of an evaluation: always a value, and the errors that occurred (3.3)."""

    value: AttributeValue
    failures: Sequence[Failure]


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that can be evaluated for many events. Make one with `parse`.

    Attributes:
        text: The text of the expression.
        equalities: Every matching event has one of them; empty if none are known.
        unknown: A message for each call of an unknown function, and its position (3.3: errors that can be detected
            before evaluation should be).
    """

    text: str
    equalities: Equalities = field(compare=False)
    unknown: Sequence[tuple[str, int]] = field(compare=False)
    _evaluator: Evaluator = field(compare=False, repr=False)

    def evaluate(self, attributes: Attributes) -> Evaluation:
        """Return the value and the errors (4.1: complete evaluation mode)."""
        failures: Failures = []
        value = self._evaluator(attributes, failures)
        # 3.2: without a known type, a missing attribute is a boolean.
        return Evaluation(False if value is None else value, failures)

    def matches(self, attributes: Attributes) -> bool:
        """Whether the value is true, without errors (1.2)."""
        failures: Failures = []
        return self._evaluator(attributes, failures) is True and not failures


def parse(text: str) -> Expression:
    """Parse an expression.

    Raises:
        InvalidFilter: The text is invalid at the character `position`, from 0.
    """
    parser = Parser(text)
    tree = parser.parse()
    return Expression(text, equalities_of(tree), tuple(parser.unknown), compiled(tree))
