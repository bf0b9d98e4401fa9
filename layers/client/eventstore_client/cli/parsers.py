"""Parsers of command lines that suggest what a misspelled command, option or value may mean."""

from __future__ import annotations

import argparse
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Commands", "Parser", "UsageError", "add_command", "add_group", "sentence", "suggestion"]

_SYNONYMS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("add", "new"), ("create", "add")),
    **dict.fromkeys(("describe", "get", "info", "inspect"), ("show", "list")),
    **dict.fromkeys(("del", "remove", "rm"), ("delete", "remove")),
    **dict.fromkeys(("edit", "set", "update"), ("change", "put", "set")),
    **dict.fromkeys(("follow", "sub", "watch"), ("tail",)),
    "ls": ("list", "streams"),
    "pub": ("publish",),
    "retry": ("redrive",),
    "status": ("doctor", "show"),
}
"""What other command lines call a command, and its names here."""

_SHORTEST = len("--")
"""The length of what begins too many names to mean one."""


class UsageError(Exception):
    """The arguments are invalid.

    Attributes:
        usage: How the command is used.
        program: The program and the command.
    """

    def __init__(self, message: str, *, usage: str, program: str) -> None:
        super().__init__(message)
        self.usage = usage
        self.program = program


class Parser(argparse.ArgumentParser):
    """A parser that suggests a command, an option or a value for a misspelled one.

    Attributes:
        commands: The parsers of the commands; None if there are none.
    """

    commands: Commands | None = None

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the arguments of argparse
        # An abbreviation that a script uses would mean something else, or nothing, once there is another option.
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse a command line.

        Raises:
            UsageError: The arguments are invalid.
        """
        try:
            options, unknown = self.parse_known_args(arguments)
        except UsageError:
            # The value of a misspelled option counts as an argument, so that another one seems to be missing, or wrong.
            leaf, misspelled = self._misspelled(arguments)
            if misspelled is None:
                raise
            leaf.refuse([misspelled])
        if unknown:
            self._leaf_of(options).refuse(unknown)
        return options

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """Raise an error for arguments that the parser does not know, with a suggestion for the first.

        Raises:
            UsageError: Always.
        """
        meant = suggestion(unknown[0].partition("=")[0], self._options)
        self.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")

    def leaves(self) -> Iterator[Parser]:
        """Iterate over the parsers of commands that have no commands of their own."""
        for parser in dict.fromkeys(self.commands.choices.values() if self.commands else ()):
            if parser.commands:
                yield from parser.leaves()
            else:
                yield parser

    def error(self, message: str) -> NoReturn:
        """Raise an error with the usage."""
        raise UsageError(message, usage=self.format_usage(), program=self.prog)

    @property
    def _options(self) -> Iterable[str]:
        return self._option_string_actions

    def _misspelled(self, arguments: Sequence[str]) -> tuple[Parser, str | None]:
        """Return the parser of a command, and the first of its options that is nearly one which the parser knows."""
        leaf = self
        for argument in arguments:
            if argument in {"--", "--exec"}:
                # What follows belongs to another command.
                break
            name = argument.partition("=")[0]
            if leaf.commands and argument in leaf.commands.choices:
                leaf = leaf.commands.choices[argument]
            elif name.startswith("--") and name not in leaf._options and suggestion(name, leaf._options):  # noqa: SLF001
                return leaf, argument
        return leaf, None

    def _leaf_of(self, options: argparse.Namespace) -> Parser:
        parser = self
        while parser.commands:
            parser = parser.commands.choices[getattr(options, parser.commands.dest)]
        return parser

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        names = [str(choice) for choice in action.choices]
        hint = suggestion(str(value), names)
        if action is self.commands and not hint and " " not in self.prog:
            hint = f"; options follow the command: {self.prog} read --url URL STREAM"
        raise argparse.ArgumentError(action, f"invalid choice: {value!r} (choose from {', '.join(names)}){hint}")


def suggestion(given: str, known: Iterable[str]) -> str:
    """Return the end of an error: a question with the name that is meant; empty if none is near."""
    names = [*known]
    near = [name for name in _SYNONYMS.get(given, ()) if name in names]
    if len(given) > _SHORTEST:
        near += [name for name in names if name.startswith(given)]
    near += get_close_matches(given, names, n=1)
    return f"; did you mean {near[0]}?" if near else ""


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


def add_group(commands: Commands, name: str, purpose: str) -> Commands:
    """Add a command that has commands of its own, and return these; see `add_command`."""
    group = commands.add_parser(name, help=purpose, description=sentence(purpose))
    group.commands = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    return group.commands


def sentence(purpose: str) -> str:
    """Return a purpose as a sentence."""
    return f"{purpose[0].upper()}{purpose[1:]}."
