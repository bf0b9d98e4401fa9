"""The commands `eventstore context`, and their help texts."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore_client.cli.contexts import Context, contexts_path, load_contexts, updating_contexts
from eventstore_client.cli.outputs import print_lines, say
from eventstore_client.cli.parsers import add_command, add_group
from eventstore_client.cli.records import details, records
from eventstore_client.cli.shared_arguments import add_output
from eventstore_client.cli.signing_in import secret_of_file
from eventstore_client.cli.targets import selected_context
from eventstore_client.errors import BadInput

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from eventstore_client.cli.parsers import Commands, Parser

__all__ = ["BUILDERS", "RUNNERS"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_COLUMNS = ("current", "name", "url", "websocket_url", "credentials")


def _add_contexts(commands: Commands, local: Parser) -> None:
    actions = add_group(commands, "context", "add, select, list, show and remove contexts: named hubs")

    add = add_command(actions, local, "add", "add a context, or replace one")
    add.add_argument("name", metavar="NAME", help="the name of the context, such as prod")
    add.add_argument("--url", required=True, help="the hub's address")
    add.add_argument("--websocket-url", metavar="URL", help="the hub's WebSocket address (default: derived from --url)")
    kinds = add.add_mutually_exclusive_group()
    kinds.add_argument(
        "--token-file", metavar="FILE", help="a file with a bearer token, which is read for each command"
    )
    kinds.add_argument("--api-key-file", metavar="FILE", help="a file with an API key, which is read for each command")
    kinds.add_argument("--token-command", metavar="COMMAND", help="a command that prints a valid token")
    kinds.add_argument("--aws-iam", action="store_true", help="sign requests with your AWS credentials; requires boto3")
    add.add_argument("--region", help="the AWS region for --aws-iam, if the hub's address does not contain it")
    add.add_argument("--replace", action="store_true", help="replace the context of this name")
    add.add_argument("--use", action="store_true", help="use the context from now on")

    use = add_command(actions, local, "use", "use a context from now on")
    which = use.add_mutually_exclusive_group(required=True)
    which.add_argument("name", nargs="?", metavar="NAME", help="the name of the context")
    which.add_argument("--none", action="store_true", help="use no context")

    add_output(add_command(actions, local, "list", "print the contexts"))

    show = add_command(actions, local, "show", "print a context")
    show.add_argument("name", nargs="?", metavar="NAME", help="its name (default: the context in use)")
    add_output(show)

    remove = add_command(actions, local, "remove", "remove a context; its files of credentials remain")
    remove.add_argument("name", metavar="NAME", help="the name of the context")


def _run(options: argparse.Namespace) -> int:
    """Run a command, and return its exit code."""
    path = contexts_path(os.environ)
    match options.action:
        case "add":
            _add(options, path)
        case "use":
            with updating_contexts(path) as contexts:
                if options.name:
                    contexts[0].get(options.name)
                contexts[0] = replace(contexts[0], current=options.name)
        case "list":
            _print_list(options, path)
        case "show":
            _show(options, path)
        case _:
            with updating_contexts(path) as contexts:
                contexts[0] = contexts[0].without(options.name)
    return 0


def _add(options: argparse.Namespace, path: Path) -> None:
    if not _NAME.fullmatch(options.name):
        raise BadInput([f"{options.name!r} is no name of a context: use up to 64 letters, digits and . _ -"])
    try:
        context = Context(
            url=options.url,
            websocket_url=options.websocket_url,
            token_file=_absolute(options.token_file),
            api_key_file=_absolute(options.api_key_file),
            token_command=options.token_command,
            aws_iam=options.aws_iam,
            region=options.region,
        )
    except ValueError as error:
        raise BadInput([str(error)]) from error
    with updating_contexts(path) as contexts:
        if options.name in contexts[0].by_name and not options.replace:
            raise BadInput([f"there is a context {options.name!r}; --replace replaces it"])
        added = contexts[0].with_context(options.name, context)
        contexts[0] = replace(added, current=options.name if options.use else added.current)
    if contexts[0].current != options.name:
        say(f"added; `eventstore context use {options.name}` uses it")


def _print_list(options: argparse.Namespace, path: Path) -> None:
    contexts = load_contexts(path)
    named = selected_context(None, os.environ)
    current = named[0] if named else None
    rows = [_described(name, context, current=current) for name, context in contexts.by_name.items()]
    if options.output == "table":
        rows = [{**row, "current": "*" if row["current"] else ""} for row in rows]
    print_lines(records(rows, _COLUMNS, output=options.output))


def _show(options: argparse.Namespace, path: Path) -> None:
    named = selected_context(options.name, os.environ)
    if named is None:
        raise BadInput([f"no context is in use; `eventstore context use NAME` selects one of {path}"])
    current = selected_context(None, os.environ)
    print_lines(details(_described(*named, current=current[0] if current else None), output=options.output))


def _described(name: str, context: Context, *, current: str | None) -> Mapping[str, object]:
    """Return what is printed of a context: a command may contain a secret behind its name."""
    credentials = ""
    if context.token_file:
        credentials = f"token of {context.token_file}"
    elif context.api_key_file:
        credentials = f"API key of {context.api_key_file}"
    elif context.token_command:
        credentials = f"token of the command {next(iter(shlex.split(context.token_command)), '')}"
    elif context.aws_iam:
        credentials = "AWS IAM" + (f" in {context.region}" if context.region else "")
    return {
        "name": name,
        "current": name == current,
        "url": context.url,
        "websocket_url": context.websocket_url,
        "credentials": credentials,
    }


def _absolute(file: str | None) -> str | None:
    """Return the path of a file of credentials from any folder; the file must be readable."""
    if file is None:
        return None
    path = Path(file).expanduser().absolute()
    secret_of_file(path)
    return str(path)


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {"context": _add_contexts}
"""Each adds a command, with the options that local commands have."""

RUNNERS: Mapping[str, Callable[[argparse.Namespace], int]] = {"context": _run}
