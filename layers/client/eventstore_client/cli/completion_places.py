"""What may stand at each place of a command line, as a shell that completes it needs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from eventstore_client.cli.parsers import Parser

__all__ = ["Option", "Place", "places_of"]

_FILES = {"FILE", "FOLDER"}
"""The names of values that are files."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a command.

    Attributes:
        text: The option, such as `--output`.
        meaning: What it does.
        has_value: Whether a value follows.
        choices: The values that are accepted; empty if any is.
        is_file: Whether the value is a file.
    """

    text: str
    meaning: str
    has_value: bool
    choices: Sequence[str] = ()
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A command, and what may follow it.

    Attributes:
        path: The command, such as `streams list`; empty for the program.
        words: The commands below it, or the choices of its argument, each with its meaning.
        options: Its options.
        takes_file: Whether an argument is a file.
        below: The names of the commands below it.
    """

    path: str
    words: Sequence[tuple[str, str]]
    options: Sequence[Option]
    takes_file: bool
    below: Sequence[str] = field(default=())


def places_of(parser: Parser, path: str = "") -> Iterator[Place]:
    """Iterate over the commands of a parser, with itself as the first.

    Args:
        parser: The parser.
        path: The command whose parser it is; empty for the program.
    """
    # argparse has no public list of the arguments of a parser.
    actions = parser._actions  # noqa: SLF001
    arguments = [action for action in actions if not action.option_strings and action is not parser.commands]
    below = parser.commands.choices if parser.commands else {}
    purposes = {action.dest: action.help for action in parser.commands._choices_actions} if parser.commands else {}  # noqa: SLF001
    words = [(name, _short(purposes.get(name))) for name in below]
    words += [(str(choice), "") for action in arguments for choice in action.choices or ()]
    options = [_option(text, action) for action in actions for text in action.option_strings if text.startswith("--")]
    yield Place(path, words, options, any(action.metavar in _FILES for action in arguments), [*below])
    for name, command in below.items():
        yield from places_of(command, f"{path} {name}".strip())


def _option(text: str, action: argparse.Action) -> Option:
    choices = [str(choice) for choice in action.choices or ()]
    return Option(text, _short(action.help), action.nargs != 0, choices, action.metavar in _FILES)


def _short(text: str | None) -> str:
    """Return the first words of a help text, without characters that mean something to a shell."""
    short = (text or "").partition(";")[0].partition(" (")[0].replace("%%", "%")
    return "".join(character for character in short if character.isalnum() or character in " ,.-_*/")
