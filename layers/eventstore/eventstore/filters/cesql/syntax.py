"""The nodes of the tree of an expression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventstore.cloudevents.event import AttributeValue

__all__ = ["Attribute", "Binary", "Call", "Chain", "Exists", "In", "Like", "Literal", "Node", "Step", "Unary"]


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal value."""

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
    """An operator and its right operand."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Like:
    """A comparison with a pattern."""

    pattern: str
    negated: bool


@dataclass(frozen=True, slots=True)
class In:
    """A test for membership in a list."""

    elements: tuple[Node, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """A first value, and the steps that are applied to it from left to right.

    So the depth of the tree is that of the parentheses, however long the text is.
    """

    first: Node
    steps: tuple[Step, ...]


Step = Binary | Like | In
Node = Literal | Attribute | Exists | Unary | Call | Chain
