"""What an expression is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventstore.cloudevents.event import AttributeValue

__all__ = ["Attribute", "Binary", "Call", "Chain", "Exists", "In", "Like", "Literal", "Node", "Step", "Unary"]


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the text."""

    value: AttributeValue


@dataclass(frozen=True, slots=True)
class Attribute:
    """A context attribute of the event."""

    name: str


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether the event has the attribute."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """`NOT` or `-` before its operand."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator and what stands right of it."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Like:
    """The comparison with a pattern."""

    pattern: str
    negated: bool


@dataclass(frozen=True, slots=True)
class In:
    """The search among elements."""

    elements: tuple[Node, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """A first value, and what is done to the value so far, from left to right.

    So the tree is as deep as the text is nested, however long it is.
    """

    first: Node
    steps: tuple[Step, ...]


Step = Binary | Like | In
Node = Literal | Attribute | Exists | Unary | Call | Chain
