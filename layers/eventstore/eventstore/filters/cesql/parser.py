"""Parsing a text into a tree: a Pratt parser with the precedences of 3.6."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.errors import InvalidFilter
from eventstore.filters.cesql.functions import resolved, unresolved
from eventstore.filters.cesql.lexer import Lexeme, tokens
from eventstore.filters.cesql.syntax import Attribute, Binary, Call, Chain, Exists, In, Like, Literal, Unary
from eventstore.filters.cesql.values import number

if TYPE_CHECKING:
    from eventstore.filters.cesql.lexer import Token
    from eventstore.filters.cesql.syntax import Node, Step

__all__ = ["Parser"]

_DEEPEST = 64
_LONGEST = 8 * 1024

# Unary operators, then LIKE and IN, bind tighter than these. AND, OR and XOR have the same precedence (3.6).
_POWERS = {
    **dict.fromkeys(("*", "/", "%"), 4),
    **dict.fromkeys(("+", "-"), 3),
    **dict.fromkeys(("=", "!=", "<>", ">=", "<=", ">", "<"), 2),
    **dict.fromkeys(("AND", "OR", "XOR"), 1),
}
_SIGNS = ("+", "-")
_UNARY = ("NOT", "-")


class Parser:
    """Parses one expression.

    Attributes:
        unknown: A message for each call of an unknown function, and its position.
    """

    def __init__(self, text: str) -> None:
        _check(text)
        self._tokens = tokens(text)
        self._next = 0
        self._depth = 0
        self.unknown: list[tuple[str, int]] = []

    def parse(self) -> Node:
        """Parse the whole text.

        Raises:
            InvalidFilter: The text breaks the grammar, at `position`.
        """
        tree = self._expression(0)
        if self._peek().kind is not Lexeme.END:
            raise self._refusal("an operator or the end of input")
        return tree

    def _expression(self, power: int) -> Node:
        first = self._operand()
        steps: list[Step] = []
        while step := self._step(power):
            steps.append(step)
        return Chain(first, tuple(steps)) if steps else first

    def _step(self, power: int) -> Step | None:
        token = self._peek()
        if token.kind not in {Lexeme.SIGN, Lexeme.KEYWORD}:
            return None
        if token.text in {"NOT", "LIKE", "IN"}:
            return self._comparison(negated=self._accept("NOT"))
        own = _POWERS.get(token.text, 0)
        if own <= power:
            return None
        self._next += 1
        return Binary(token.text, self._expression(own))

    def _comparison(self, *, negated: bool) -> Step:
        if self._accept("LIKE"):
            pattern = self._peek()
            if pattern.kind is not Lexeme.STRING:
                raise self._refusal("a pattern in quotes")
            self._next += 1
            return Like(pattern.text, negated)
        if self._accept("IN"):
            self._expect("(")
            return In(self._nested_list(), negated)
        raise self._refusal("LIKE or IN after NOT")

    def _operand(self) -> Node:
        token = self._peek()
        self._next += 1
        match token.kind:
            case Lexeme.STRING:
                return Literal(token.text)
            case Lexeme.INTEGER:
                return self._integer(token)
            case Lexeme.WORD:
                return self._call(token) if self._accept("(") else Attribute(self._attribute(token))
            case Lexeme.KEYWORD if token.text in {"TRUE", "FALSE"}:
                return Literal(token.text == "TRUE")
            case _:
                return self._prefixed(token)

    def _prefixed(self, token: Token) -> Node:
        # The caller handles strings, so a token with one of these texts is a keyword or a sign.
        if token.text == "(":
            return self._nested_list(most=1)[0]
        if token.text == "EXISTS":
            return self._exists()
        if token.text in _SIGNS and self._is_adjacent_integer(token):
            self._next += 1
            return self._integer(self._tokens[self._next - 1], token.text)
        if token.text in _UNARY:
            self._enter()
            operand = self._operand()
            self._depth -= 1
            return Unary(token.text, operand)
        self._next -= 1
        raise self._refusal("a value")

    def _nested_list(self, *, most: int = _LONGEST) -> tuple[Node, ...]:
        """Parse expressions up to the closing parenthesis; the opening one is consumed."""
        self._enter()
        nodes = [self._expression(0)]
        while len(nodes) < most and self._accept(","):
            nodes.append(self._expression(0))
        self._expect(")")
        self._depth -= 1
        return tuple(nodes)

    def _call(self, name: Token) -> Node:
        arguments = () if self._accept(")") else self._nested_list()
        function = name.text.upper()
        if not function.replace("_", "").isalpha() or function.startswith("_"):
            raise InvalidFilter(
                f"{name} at character {name.position} is not a valid function name; use letters and underscores",
                position=name.position,
            )
        if resolved(function, len(arguments)) is None:
            detail = f"{name} at character {name.position} {unresolved(function, len(arguments))}"
            self.unknown.append((detail, name.position))
        return Call(function, arguments)

    def _exists(self) -> Node:
        token = self._peek()
        if token.kind not in {Lexeme.WORD, Lexeme.INTEGER}:
            raise self._refusal("an attribute name after EXISTS")
        self._next += 1
        return Exists(self._attribute(token))

    def _attribute(self, token: Token) -> str:
        if "_" in token.text:
            raise InvalidFilter(
                f"{token} at character {token.position} is not a valid attribute name; use letters and digits",
                position=token.position,
            )
        return token.text.lower()

    def _integer(self, token: Token, sign: str = "") -> Node:
        value = number(sign + token.text)
        if value is None:
            position = token.position - len(sign)
            raise InvalidFilter(
                f"{sign}{token.text[:40]} at character {position} is not a 32-bit integer", position=position
            )
        return Literal(value)

    def _is_adjacent_integer(self, sign: Token) -> bool:
        token = self._peek()
        return token.kind is Lexeme.INTEGER and token.position == sign.position + 1

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _accept(self, text: str) -> bool:
        token = self._peek()
        matches = token.text == text and token.kind in {Lexeme.SIGN, Lexeme.KEYWORD}
        self._next += matches
        return matches

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            raise self._refusal(repr(sign))

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            position = self._tokens[self._next - 1].position
            raise InvalidFilter(
                f"the expression is nested too deeply at character {position}; at most {_DEEPEST} levels are allowed",
                position=position,
            )

    def _refusal(self, expected: str) -> InvalidFilter:
        token = self._peek()
        return InvalidFilter(
            f"unexpected {token} at character {token.position}; expected {expected}", position=token.position
        )


def _check(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidFilter(f"unpaired surrogate at character {error.start}", position=error.start) from error
    if size > _LONGEST:
        raise InvalidFilter(f"the expression is {size} bytes long; at most {_LONGEST} are allowed", position=0)
