"""The tokens of an expression (2.2 to 2.4)."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import NamedTuple

from eventstore.errors import InvalidFilter

__all__ = ["KEYWORDS", "Lexeme", "Token", "tokens"]

KEYWORDS = frozenset({"AND", "OR", "XOR", "NOT", "LIKE", "EXISTS", "IN", "TRUE", "FALSE"})

_SPACE = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"[A-Za-z0-9_]+")
_SIGN = re.compile(r"<=|>=|<>|!=|[=<>+\-*/%(),]")
# A backslash takes the next character with it, so that a string may hold its own quote.
_STRING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)


class Lexeme(Enum):
    """Kinds of tokens."""

    INTEGER = auto()
    WORD = auto()
    KEYWORD = auto()
    SIGN = auto()
    STRING = auto()
    END = auto()


class Token(NamedTuple):
    """A token: keywords are in upper case, strings without quotes and escapes."""

    kind: Lexeme
    text: str
    position: int

    def __str__(self) -> str:
        return "end of input" if self.kind is Lexeme.END else repr(self.text[:40])


def tokens(text: str) -> list[Token]:
    """Split a text into tokens; the last one is its end.

    Raises:
        InvalidFilter: A character starts no token.
    """
    result: list[Token] = []
    at = _behind_space(text, 0)
    while at < len(text):
        token, end = _token(text, at)
        result.append(token)
        at = _behind_space(text, end)
    result.append(Token(Lexeme.END, "", len(text)))
    return result


def _behind_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _token(text: str, at: int) -> tuple[Token, int]:
    if match := _WORD.match(text, at):
        word = match.group()
        if word.isdecimal():
            return Token(Lexeme.INTEGER, word, at), match.end()
        if word.upper() in KEYWORDS:
            return Token(Lexeme.KEYWORD, word.upper(), at), match.end()
        return Token(Lexeme.WORD, word, at), match.end()
    if match := _SIGN.match(text, at):
        return Token(Lexeme.SIGN, match.group(), at), match.end()
    if match := _STRING.match(text, at):
        quote = match.group()[0]
        return Token(Lexeme.STRING, match.group()[1:-1].replace(f"\\{quote}", quote), at), match.end()
    if text[at] in "'\"":
        raise InvalidFilter(f"unterminated string at character {at}: expected a closing {text[at]}", position=at)
    raise InvalidFilter(f"unexpected character {text[at]!r} at character {at}", position=at)
