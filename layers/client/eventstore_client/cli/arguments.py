"""The parser of `eventstore`: the options that all commands have, and the commands of the modules in `registry`."""

from __future__ import annotations

from importlib import import_module

from eventstore_client.cli.parsers import Parser
from eventstore_client.cli.registry import COMMANDS
from eventstore_client.cli.shared_arguments import EXIT_CODES
from eventstore_client.cli.signing_in import add_options
from eventstore_client.cli.values import non_negative
from eventstore_client.hub import DEFAULT_URL
from eventstore_client.version import __version__

__all__ = ["parser"]


def parser(*, only: str | None = None) -> Parser:
    """Return the parser.

    Args:
        only: The command whose arguments it parses, so that the program starts faster: of the others, it has the names.
            None for all commands.
    """
    common = _common()
    root = Parser(
        prog="eventstore",
        description="Publish CloudEvents to a hub, read them back in order, follow them live, and administer the hub.",
        epilog=EXIT_CODES,
    )
    root.set_defaults(websocket_url=None, errors_as_json=False)
    root.add_argument(
        "--version", action="version", version=f"%(prog)s {__version__}", help="print the version, and exit"
    )
    commands = root.commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        if only is not None and name != only:
            commands.add_parser(name)
            continue
        module = import_module(command.arguments)
        module.BUILDERS[name](commands, Parser(add_help=False) if command.is_local else common)
        # A parser takes the exclusive options of its parents out of their group, so that each command has its own.
        for leaf in () if command.is_local else _leaves(commands.choices[name]):
            add_options(leaf)
    return root


def _common() -> Parser:
    common = Parser(add_help=False)
    common.add_argument(
        "--url",
        help="the hub's address (default: that of --context, else EVENTSTORE_URL, else that of the context in use, "
        f"else http://127.0.0.1:PORT, else {DEFAULT_URL})",
    )
    common.add_argument("--context", metavar="NAME", help="the context of the hub (default: EVENTSTORE_CONTEXT)")
    common.add_argument(
        "--patience",
        type=non_negative,
        metavar="SECONDS",
        help="how long to retry while the hub is unavailable (default: 30; tail and work: for ever)",
    )
    return common


def _leaves(command: Parser) -> list[Parser]:
    return [*command.leaves()] or [command]
