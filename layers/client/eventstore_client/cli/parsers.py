"""Parsers of command lines that suggest what a misspelled command or option may mean."""

from __future__ import annotations

import argparse
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Commands", "Parser", "add_command", "sentence"]

_UNKNOWN = re.compile(r"(?:unrecognized arguments: .*?|invalid choice: ')(--[a-z-]+|[^' ]+)")


class Parser(argparse.ArgumentParser):
    """A parser that suggests a command or option for a misspelled one.

    Attributes:
        commands: The parsers of the commands; None if there are none.
    """

    commands: Commands | None = None

    def leaves(self) -> Iterator[Parser]:
        """Iterate over the parsers of commands that have no commands of their own."""
        for parser in self.commands.choices.values() if self.commands else ():
            if parser.commands:
                yield from parser.leaves()
            else:
                yield parser

    def error(self, message: str) -> NoReturn:
        """Exit with the usage, the message and a suggestion."""
        match = _UNKNOWN.search(message)
        super().error(message + (self._suggestion(match[1]) if match else ""))

    def _suggestion(self, given: str) -> str:
        known = [*self.commands.choices] if self.commands else []
        options = [name for parser in self.leaves() for name in parser._option_string_actions]  # noqa: SLF001
        near = get_close_matches(given, [*options, *known], n=1)
        if near:
            return f"; did you mean {near[0]}?"
        return "" if given.startswith("-") else "; options follow the command: eventstore read --url URL STREAM"


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001 - argparse has no public name for it


def add_command(commands: Commands, common: Parser, name: str, purpose: str) -> Parser:
    """Add a command, and return its parser.

    Args:
        commands: The commands.
        common: The options that all commands have.
        name: The name of the command.
        purpose: What it does, without a capital and a full stop; they are added in its own help.
    """
    return commands.add_parser(name, parents=[common], help=purpose, description=sentence(purpose))


def sentence(purpose: str) -> str:
    """Return a purpose as a sentence."""
    return f"{purpose[0].upper()}{purpose[1:]}."
