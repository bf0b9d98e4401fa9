"""Compiling a tree into closures: everything that does not depend on the event is decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.filters.cesql.functions import resolved
from eventstore.filters.cesql.operators import binary, equals, like, one_of, one_of_these
from eventstore.filters.cesql.syntax import Attribute, Binary, Call, Chain, Exists, In, Like, Literal, Node, Step, Unary
from eventstore.filters.cesql.values import CASTS, ZEROS, Failure, Kind, integer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.cloudevents.event import AttributeValue
    from eventstore.filters.cesql.functions import Function
    from eventstore.filters.cesql.operators import Advance
    from eventstore.filters.cesql.values import Attributes, Evaluator, Failures

__all__ = ["compiled"]

_EQUALITY = {"=": True, "!=": False, "<>": False}


def compiled(node: Node) -> Evaluator:
    """Compile a tree into a function of the attributes of an event."""
    match node:
        case Literal(value):
            return lambda _, __: value
        case Attribute(name):
            return _attribute(name)
        case Exists(name):
            return lambda attributes, _: name in attributes
        case Unary(operator, operand):
            return _negation(compiled(operand)) if operator == "NOT" else _opposite(compiled(operand))
        case Call(name, arguments):
            return _call(resolved(name, len(arguments)), name, [compiled(argument) for argument in arguments])
        case Chain(first, steps):
            return _chain(compiled(first), [_step(step) for step in steps])


def _step(step: Step) -> Advance:
    match step:
        case Binary(sign, Literal(value)) if sign in _EQUALITY:
            return equals(value, expected=_EQUALITY[sign])
        case Binary(sign, operand):
            return binary(sign, compiled(operand))
        case Like(pattern, negated):
            return like(pattern, expected=not negated)
        case In(elements, negated):
            constants = [element.value for element in elements if isinstance(element, Literal)]
            if len(constants) == len(elements):
                return one_of_these(constants, expected=not negated)
            return one_of([compiled(element) for element in elements], expected=not negated)


def _chain(first: Evaluator, steps: Sequence[Advance]) -> Evaluator:
    if len(steps) == 1:
        (only,) = steps
        return lambda attributes, failures: only(first(attributes, failures), attributes, failures)

    def evaluate(attributes: Attributes, failures: Failures) -> AttributeValue | None:
        value = first(attributes, failures)
        for step in steps:
            value = step(value, attributes, failures)
        return value

    return evaluate


def _attribute(name: str) -> Evaluator:
    missing = Failure(Kind.MISSING_ATTRIBUTE, f"the event has no attribute {name!r}")

    def evaluate(attributes: Attributes, failures: Failures) -> AttributeValue | None:
        value = attributes.get(name)
        if value is None:
            failures.append(missing)
        return value

    return evaluate


def _negation(operand: Evaluator) -> Evaluator:
    cast = CASTS[bool]

    def evaluate(attributes: Attributes, failures: Failures) -> bool:
        value = operand(attributes, failures)
        return value is not None and not cast(value, failures)

    return evaluate


def _opposite(operand: Evaluator) -> Evaluator:
    cast = CASTS[int]

    def evaluate(attributes: Attributes, failures: Failures) -> int:
        value = operand(attributes, failures)
        return 0 if value is None else integer(-int(cast(value, failures)), failures)

    return evaluate


def _call(function: Function | None, name: str, arguments: Sequence[Evaluator]) -> Evaluator:
    if function is None:
        return _unknown(Failure(Kind.MISSING_FUNCTION, f"there is no function {name} with {len(arguments)} arguments"))
    fixed, rest = function.parameters, function.rest
    kinds = [*fixed, *(rest for _ in range(len(arguments) - len(fixed)))]
    prepared = [
        (argument, None if kind is None else CASTS[kind]) for argument, kind in zip(arguments, kinds, strict=True)
    ]
    body, zero = function.body, ZEROS[function.returns]

    def evaluate(attributes: Attributes, failures: Failures) -> AttributeValue:
        values: list[AttributeValue] = []
        missing = False
        for argument, cast in prepared:
            value = argument(attributes, failures)
            if value is None:
                missing = True
            else:
                values.append(value if cast is None else cast(value, failures))
        return zero if missing else body(failures, *values)

    return evaluate


def _unknown(failure: Failure) -> Evaluator:
    def evaluate(_: Attributes, failures: Failures) -> bool:
        failures.append(failure)
        return False

    return evaluate
