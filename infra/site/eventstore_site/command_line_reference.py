"""The page of the command line, from its parser."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

__all__ = ["command_line_reference"]

_WIDTH = "100"


def command_line_reference(root: argparse.ArgumentParser, commands: Iterable[argparse.ArgumentParser]) -> str:
    """Return the page of a command line, with the help of each command.

    Args:
        root: The parser of the program.
        commands: The parsers of its commands.
    """
    # argparse wraps lines at the width of the terminal.
    width, os.environ["COLUMNS"] = os.environ.get("COLUMNS"), _WIDTH
    try:
        sections = [f"## {parser.prog}\n\n{_block(parser)}" for parser in commands]
        overview = _block(root)
    finally:
        del os.environ["COLUMNS"]
        if width is not None:
            os.environ["COLUMNS"] = width
    about = (
        "This page is what `--help` prints. [The client](../client.md#command-line) describes output and exit codes."
    )
    return "\n".join([f"# Command line\n\n{about}\n\n{overview}", *sections])


def _block(parser: argparse.ArgumentParser) -> str:
    return f"```text\n{parser.format_help().rstrip()}\n```\n"
