"""The command `eventstore dev`: runs the local hub, if it is installed beside the client."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore_client.cli.parsers import add_command
from eventstore_client.errors import BadInput

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from eventstore_client.cli.parsers import Commands, Parser

__all__ = ["BUILDERS", "RUNNERS", "run_dev"]

_PROGRAM = "eventstore_dev"
_TEMPLATE = "template.yaml"
_MISSING = (
    "the local hub is not installed in this environment: clone the repository of flunq-eventstore, and run `make dev` "
    "there, which installs and runs it; or install the checkout here: pip install '.[dev]'"
)


def _add_dev(commands: Commands, local: Parser) -> None:
    command = add_command(commands, local, "dev", "run the local hub, as make dev does, until interrupted")
    command.epilog = (
        "It runs the template of the current folder, with the variables of the environment that make dev has."
    )
    command.add_argument("--port", metavar="PORT", help="where to listen on 127.0.0.1 (default: PORT, else 8081)")
    command.add_argument("--folder", metavar="FOLDER", help="where data is kept (default: FOLDER, else .eventstore)")
    command.add_argument("--template", metavar="FILE", help=f"the SAM template (default: {_TEMPLATE})")
    command.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the template (repeatable)",
    )
    command.add_argument("--verbose", action="store_true", help="show more lines of the functions")


def run_dev(
    options: argparse.Namespace, *, execute: Callable[[str, list[str]], object] = os.execv, program: str = _PROGRAM
) -> int:
    """Replace this process by that of the hub, which then receives its signals.

    Raises:
        BadInput: The hub is not installed, or there is no template.
    """
    if find_spec(program) is None:
        raise BadInput([_MISSING])
    template = options.template or _TEMPLATE
    if not Path(template).is_file():
        raise BadInput(
            [f"{template}: is not there; run the command in a checkout of flunq-eventstore, or name it: --template"]
        )
    arguments = [
        *(["--port", options.port] if options.port else []),
        *(["--folder", options.folder] if options.folder else []),
        *(["--template", options.template] if options.template else []),
        *(part for parameter in options.parameter for part in ("--parameter", parameter)),
        *(["--verbose"] if options.verbose else []),
    ]
    sys.stdout.flush()
    execute(sys.executable, [sys.executable, "-m", program, *arguments])
    return 0


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {"dev": _add_dev}
"""Each adds a command, with the options that local commands have."""

RUNNERS: Mapping[str, Callable[[argparse.Namespace], int]] = {"dev": run_dev}
