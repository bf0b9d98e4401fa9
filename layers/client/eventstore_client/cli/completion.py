"""The command `eventstore completion`: scripts for bash, zsh and fish, made of the parser of the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from eventstore_client.cli.completion_places import places_of
from eventstore_client.cli.completion_scripts import SCRIPTS
from eventstore_client.cli.outputs import print_lines
from eventstore_client.cli.parsers import add_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eventstore_client.cli.parsers import Commands, Parser

__all__ = ["BUILDERS", "RUNNERS", "completion_script"]

_HELP = """\
Add the script to your shell:
  bash  eval "$(eventstore completion bash)"      in ~/.bashrc
  zsh   eval "$(eventstore completion zsh)"       in ~/.zshrc, after compinit
  fish  eventstore completion fish | source       in ~/.config/fish/config.fish
"""


def _add_completion(commands: Commands, local: Parser) -> None:
    command = add_command(commands, local, "completion", "print a script that completes command lines")
    command.epilog, command.formatter_class = _HELP, argparse.RawDescriptionHelpFormatter
    command.add_argument("shell", choices=[*SCRIPTS], help="the shell")


def _run(options: argparse.Namespace) -> int:
    # The parser has this module, so that it is imported when the command is used.
    from eventstore_client.cli.arguments import parser  # noqa: PLC0415 - see above

    print_lines(completion_script(parser(), options.shell))
    return 0


def completion_script(root: Parser, shell: str) -> Iterator[str]:
    """Iterate over the lines of a script.

    Args:
        root: The parser of the program.
        shell: `bash`, `zsh` or `fish`.
    """
    return SCRIPTS[shell]([*places_of(root)])


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {"completion": _add_completion}
"""Each adds a command, with the options that local commands have."""

RUNNERS: Mapping[str, Callable[[argparse.Namespace], int]] = {"completion": _run}
