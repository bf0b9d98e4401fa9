"""The options that several commands have: those that select the output and the format of errors, and the WebSocket."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["EXIT_CODES", "WORKFLOW_ATTRIBUTES", "add_event_output", "add_output", "add_websocket_url", "asks_for_json"]

EXIT_CODES = (
    "Exit codes: 0 success, 1 rejected request or invalid input, 2 invalid arguments, 3 hub unavailable, "
    "130 interrupted, 141 standard output closed early."
)
"""The end of the help of commands."""

WORKFLOW_ATTRIBUTES: Mapping[str, str] = {"workflow": "workflowid", "execution": "executionid", "tenant": "tenantid"}
"""The attributes of workflows, by the names of their options."""

_CHOICES = ("json", "ndjson", "table")
_JSON = {"json", "ndjson"}


class _Output(argparse.Action):
    """Selects the output. Errors have the same format, if a person did not get the output by default."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - the signature of argparse
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002 - the same
    ) -> None:
        """Store the output; see `argparse.Action`."""
        namespace.output = self.const or values
        namespace.errors_as_json = namespace.output in _JSON


def add_output(command: argparse.ArgumentParser, *, default: str | None = "table", without: str = "table") -> None:
    """Add the option that selects the output of what is not an event.

    Args:
        command: The command.
        default: The output without the option; None for an output of the command's own.
        without: The name of the default in the help.
    """
    command.add_argument(
        "--output",
        action=_Output,
        choices=_CHOICES,
        default=default,
        help=f"table: for people; json: one JSON value; ndjson: one line per item (default: {without}). With json and "
        "ndjson, errors are JSON, too",
    )


def add_event_output(
    command: argparse.ArgumentParser, *, default: str | None = "ndjson", without: str = "ndjson"
) -> None:
    """Add the options that select the output of events; see `add_output`."""
    command.add_argument(
        "--output",
        action=_Output,
        choices=_CHOICES,
        default=default,
        help=f"ndjson: one event per line; json: one array; table: for people (default: {without}). With json and "
        "ndjson, errors are JSON, too",
    )
    command.add_argument(
        "--table", dest="output", action=_Output, nargs=0, const="table", default=default, help="same as --output table"
    )


def add_websocket_url(command: argparse.ArgumentParser) -> None:
    """Add the option that names the WebSocket address."""
    command.add_argument(
        "--websocket-url",
        metavar="URL",
        help="the hub's WebSocket address (default: that of the context, or "
        "EVENTSTORE_WEBSOCKET_URL beside EVENTSTORE_URL, else derived from the hub's address)",
    )


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether arguments that may be invalid select JSON."""
    output = ""
    for number, argument in enumerate(arguments):
        name, separator, value = argument.partition("=")
        if name == "--exec":
            # What follows `--exec` belongs to another command.
            break
        if name == "--output":
            output = value if separator else next(iter(arguments[number + 1 : number + 2]), "")
        elif name == "--table":
            output = "table"
    return output in _JSON
