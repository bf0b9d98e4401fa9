"""From text to tree: a Pratt parser, for operators bind by the order of 3.6."""

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

# Unary operators, then LIKE and IN, bind tighter than any of these. AND, OR and XOR stand on one step (3.6).
_POWERS = {
    **dict.fromkeys(("*", "/", "%"), 4),
    **dict.fromkeys(("+", "-"), 3),
    **dict.fromkeys(("=", "!=", "<>", ">=", "<=", ">", "<"), 2),
    **dict.fromkeys(("AND", "OR", "XOR"), 1),
}
_SIGNS = ("+", "-")
_UNARY = ("NOT", "-")


class Parser:
    """Reads one expression.

    Attributes:
        unknown: What is wrong with the calls of functions that there are not, and where they stand.
    """

    def __init__(self, text: str) -> None:
        _check(text)
        self._tokens = tokens(text)
        self._next = 0
        self._depth = 0
        self.unknown: list[tuple[str, int]] = []

    def parse(self) -> Node:
        """The tree of the whole text.

        Raises:
            InvalidFilter: It breaks the grammar, at `position`.
        """
        found = self._expression(0)
        if self._peek().kind is not Lexeme.END:
            raise self._refusal("an operator or the end of input")
        return found

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
            return self._comparison(negated=self._takes("NOT"))
        own = _POWERS.get(token.text, 0)
        if own <= power:
            return None
        self._next += 1
        return Binary(token.text, self._expression(own))

    def _comparison(self, *, negated: bool) -> Step:
        if self._takes("LIKE"):
            pattern = self._peek()
            if pattern.kind is not Lexeme.STRING:
                raise self._refusal("a pattern in quotes")
            self._next += 1
            return Like(pattern.text, negated)
        if self._takes("IN"):
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
                return self._call(token) if self._takes("(") else Attribute(self._attribute(token))
            case Lexeme.KEYWORD if token.text in {"TRUE", "FALSE"}:
                return Literal(token.text == "TRUE")
            case _:
                return self._prefixed(token)

    def _prefixed(self, token: Token) -> Node:
        # Strings are read before: a token with one of these texts is the word or the sign.
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
        """Expressions up to the closing parenthesis; the opening one is read."""
        self._enter()
        found = [self._expression(0)]
        while len(found) < most and self._takes(","):
            found.append(self._expression(0))
        self._expect(")")
        self._depth -= 1
        return tuple(found)

    def _call(self, name: Token) -> Node:
        arguments = () if self._takes(")") else self._nested_list()
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
        found = number(sign + token.text)
        if found is None:
            position = token.position - len(sign)
            raise InvalidFilter(
                f"{sign}{token.text[:40]} at character {position} is not a 32-bit integer", position=position
            )
        return Literal(found)

    def _is_adjacent_integer(self, sign: Token) -> bool:
        token = self._peek()
        return token.kind is Lexeme.INTEGER and token.position == sign.position + 1

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _takes(self, text: str) -> bool:
        token = self._peek()
        taken = token.text == text and token.kind in {Lexeme.SIGN, Lexeme.KEYWORD}
        self._next += taken
        return taken

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
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
