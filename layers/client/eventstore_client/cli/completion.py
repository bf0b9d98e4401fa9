"""The command `eventstore completion`: scripts for bash, zsh and fish, made of the parser of the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from eventstore_client.cli.completion_places import places_of
from eventstore_client.cli.completion_scripts import SCRIPTS
from eventstore_client.cli.parsers import add_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_client.cli.parsers import Commands, Parser

__all__ = ["add_completion", "completion_script"]

_HELP = """\
Add the script to your shell:
  bash  eval "$(eventstore completion bash)"      in ~/.bashrc
  zsh   eval "$(eventstore completion zsh)"       in ~/.zshrc, after compinit
  fish  eventstore completion fish | source       in ~/.config/fish/config.fish
"""


def add_completion(commands: Commands, local: Parser) -> None:
    """Add the command; see `add_command`."""
    command = add_command(commands, local, "completion", "print a script that completes command lines")
    command.epilog, command.formatter_class = _HELP, argparse.RawDescriptionHelpFormatter
    command.add_argument("shell", choices=[*SCRIPTS], help="the shell")


def completion_script(root: Parser, shell: str) -> Iterator[str]:
    """Iterate over the lines of a script.

    Args:
        root: The parser of the program.
        shell: `bash`, `zsh` or `fish`.
    """
    return SCRIPTS[shell]([*places_of(root)])
