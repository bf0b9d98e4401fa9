"""The built-in functions (3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventstore.filters.cesql.values import Failure, Kind, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore.cloudevents.event import AttributeValue
    from eventstore.filters.cesql.values import Failures, Type

__all__ = ["FUNCTIONS", "Function", "resolved", "unresolved"]

_INTEGERS = range(-(2**31), 2**31)
_LONGEST = 1024 * 1024
# 3.5.1, TRIM: what Unicode calls white space, and no control characters, some of which Python strips as well.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


@dataclass(frozen=True, slots=True)
class Function:
    """One overload of a function.

    Attributes:
        returns: The type of its result.
        parameters: The types of its parameters; None accepts any type.
        body: Called with a list for failures, and the cast arguments.
        rest: The type of further arguments; None if there can be none.
    """

    returns: Type
    parameters: tuple[Type | None, ...]
    body: Callable[..., AttributeValue]
    rest: Type | None = None

    def takes(self, count: int) -> bool:
        """Whether it accepts this number of arguments."""
        fixed = len(self.parameters)
        return count == fixed or (self.rest is not None and count > fixed)


def resolved(name: str, count: int) -> Function | None:
    """Return the overload of a function for a number of arguments; None if there is none.

    Args:
        name: The name of the function.
        count: The number of arguments.
    """
    return next((function for function in FUNCTIONS.get(name, ()) if function.takes(count)), None)


def unresolved(name: str, count: int) -> str:
    """Return a message that says why there is no such overload, and which ones exist.

    Args:
        name: The name of the function.
        count: The number of arguments.
    """
    overloads = FUNCTIONS.get(name)
    if overloads is None:
        return f"is not a function; functions are {', '.join(FUNCTIONS)}"
    counts = " or ".join(f"{len(o.parameters)}{' or more' if o.rest else ''}" for o in overloads)
    return f"is called with {count} arguments, but accepts {counts}"


def _identity(_: Failures, value: AttributeValue) -> AttributeValue:
    return value


def _failed(failures: Failures, detail: str) -> None:
    failures.append(Failure(Kind.FUNCTION_EVALUATION, detail))


def _abs(failures: Failures, value: int) -> int:
    if abs(value) in _INTEGERS:
        return abs(value)
    failures.append(Failure(Kind.MATH, f"ABS({value}) is not a 32-bit integer"))
    return _INTEGERS[-1]


def _joined(failures: Failures, delimiter: str, *parts: str) -> str:
    if sum(map(len, parts)) + len(delimiter) * len(parts) > _LONGEST:
        _failed(failures, f"a string of more than {_LONGEST} characters")
        return ""
    return delimiter.join(parts)


def _concat(failures: Failures, *parts: str) -> str:
    return _joined(failures, "", *parts)


def _left(failures: Failures, text: str, count: int) -> str:
    if count < 0:
        _failed(failures, f"LEFT of {count} characters")
        return text
    return text[:count]


def _right(failures: Failures, text: str, count: int) -> str:
    if count < 0:
        _failed(failures, f"RIGHT of {count} characters")
        return text
    return text[max(0, len(text) - count) :]


def _substring(failures: Failures, text: str, start: int, count: int | None = None) -> str:
    if count is not None and count < 0:
        _failed(failures, f"SUBSTRING of {count} characters")
        return ""
    if not -len(text) <= start <= len(text):
        _failed(failures, f"SUBSTRING from {start} of {len(text)} characters")
        return ""
    if start == 0:
        return ""
    first = start - 1 if start > 0 else len(text) + start
    return text[first : None if count is None else first + count]


def _is_integer(_: Failures, value: AttributeValue) -> bool:
    return not isinstance(value, str) or number(value) is not None


def _is_boolean(_: Failures, value: AttributeValue) -> bool:
    return not isinstance(value, str) or value.lower() in {"true", "false"}


def _of_text(body: Callable[[str], Any]) -> Callable[..., Any]:
    return lambda _, text: body(text)


FUNCTIONS: Mapping[str, tuple[Function, ...]] = {
    "ABS": (Function(int, (int,), _abs),),
    "BOOL": (Function(bool, (bool,), _identity),),
    "CONCAT": (Function(str, (), _concat, rest=str),),
    "CONCAT_WS": (Function(str, (str,), _joined, rest=str),),
    "INT": (Function(int, (int,), _identity),),
    "IS_BOOL": (Function(bool, (None,), _is_boolean),),
    "IS_INT": (Function(bool, (None,), _is_integer),),
    "LEFT": (Function(str, (str, int), _left),),
    "LENGTH": (Function(int, (str,), _of_text(len)),),
    "LOWER": (Function(str, (str,), _of_text(str.lower)),),
    "RIGHT": (Function(str, (str, int), _right),),
    "STRING": (Function(str, (str,), _identity),),
    "SUBSTRING": (Function(str, (str, int), _substring), Function(str, (str, int, int), _substring)),
    "TRIM": (Function(str, (str,), _of_text(lambda text: text.strip(_SPACE))),),
    "UPPER": (Function(str, (str,), _of_text(str.upper)),),
}
