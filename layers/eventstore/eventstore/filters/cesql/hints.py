"""What an index can find an expression by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.filters.cesql.syntax import Attribute, Binary, Chain, In, Literal
from eventstore.filters.index_terms import NONE, equal, intersect, union

if TYPE_CHECKING:
    from eventstore.filters.cesql.syntax import Node, Step
    from eventstore.filters.index_terms import Equalities

__all__ = ["equalities_of"]

_LOGIC = {"AND": intersect, "OR": union, "XOR": union}


def equalities_of(node: Node) -> Equalities:
    """Values of which an event must have one for the expression to be true of it, without an error."""
    if not isinstance(node, Chain):
        return NONE
    # A chain runs from left to right, and what binds tighter than logic comes first in it: at most one comparison.
    logic = [step for step in node.steps if isinstance(step, Binary) and step.operator in _LOGIC]
    comparison = node.steps[: len(node.steps) - len(logic)]
    if not comparison:
        found = equalities_of(node.first)
    elif len(comparison) == 1:
        found = _comparison(node.first, comparison[0])
    else:
        found = NONE
    for step in logic:
        found = _LOGIC[step.operator](found, equalities_of(step.operand))
    return found


def _comparison(left: Node, step: Step) -> Equalities:
    match left, step:
        case (Attribute(name), Binary("=", Literal(str() as value))) | (
            Literal(str() as value),
            Binary("=", Attribute(name)),
        ):
            return equal(name, [value])
        case Attribute(name), In(elements, negated=False):
            values = [e.value for e in elements if isinstance(e, Literal) and isinstance(e.value, str)]
            return equal(name, values) if len(values) == len(elements) else NONE
        case _:
            return NONE
