"""An expression, parsed and compiled."""

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
    from eventstore.filters.index_terms import Equalities

__all__ = ["Evaluation", "Expression", "parse"]


class Evaluation(NamedTuple):
    """What an expression comes to: always a value, and the errors on the way to it (3.3)."""

    value: AttributeValue
    failures: Sequence[Failure]


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression, evaluated as often as there are events. Make one with `parse`.

    Attributes:
        text: As it was written.
        equalities: An event that matches has one of these values, if there are any.
        unknown: What is wrong with calls of functions that there are not, and the positions of these (3.3: what can
            be told before an evaluation should be).
    """

    text: str
    equalities: Equalities = field(compare=False)
    unknown: Sequence[tuple[str, int]] = field(compare=False)
    _evaluator: Evaluator = field(compare=False, repr=False)

    def evaluate(self, attributes: Attributes) -> Evaluation:
        """The value and the errors (4.1: complete evaluation mode)."""
        failures: Failures = []
        value = self._evaluator(attributes, failures)
        # 3.2: where no type is known, a missing attribute is a boolean.
        return Evaluation(False if value is None else value, failures)

    def matches(self, attributes: Attributes) -> bool:
        """Whether the value is true and came without an error (1.2)."""
        failures: Failures = []
        return self._evaluator(attributes, failures) is True and not failures


def parse(text: str) -> Expression:
    """The expression that a text is.

    Raises:
        InvalidFilter: It is none; `position` says where, from 0.
    """
    parser = Parser(text)
    tree = parser.parse()
    return Expression(text, equalities_of(tree), tuple(parser.unknown), compiled(tree))
