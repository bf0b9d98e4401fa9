"""The equalities by which an index finds an expression."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.filters.cesql.syntax import Attribute, Binary, Chain, In, Literal
from eventstore.filters.equalities import NONE, equal, intersect, union

if TYPE_CHECKING:
    from eventstore.filters.cesql.syntax import Node, Step
    from eventstore.filters.equalities import Equalities

__all__ = ["equalities_of"]

_LOGIC = {"AND": intersect, "OR": union, "XOR": union}


def equalities_of(node: Node) -> Equalities:
    """Return the equalities of an expression: it is true without errors only for events that have one of them."""
    if not isinstance(node, Chain):
        return NONE
    # Steps run from left to right, and those that bind tighter than logic come first. Only a single comparison is used.
    logic = [step for step in node.steps if isinstance(step, Binary) and step.operator in _LOGIC]
    comparison = node.steps[: len(node.steps) - len(logic)]
    if not comparison:
        equalities = equalities_of(node.first)
    elif len(comparison) == 1:
        equalities = _comparison(node.first, comparison[0])
    else:
        equalities = NONE
    for step in logic:
        equalities = _LOGIC[step.operator](equalities, equalities_of(step.operand))
    return equalities


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
