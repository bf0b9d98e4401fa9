"""The commands of `eventstore`, and their modules, which are imported when the command is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMMANDS", "Command"]


@dataclass(frozen=True, slots=True)
class Command:
    """The modules of a command.

    Attributes:
        arguments: The module whose `BUILDERS` adds it to a parser.
        run: The module whose `RUNNERS` runs it. It gets the client of the hub, unless the command makes it.
        is_local: Whether the command needs no hub, and has no options for one.
        makes_client: Whether the command makes the client of the hub itself, if it needs one.
        is_live: Whether it runs until it is interrupted, and reports retries in the log.
    """

    arguments: str
    run: str
    is_local: bool = False
    makes_client: bool = False
    is_live: bool = False


def _local(module: str) -> Command:
    return Command(module, module, is_local=True, makes_client=True)


# The names are complete, so that what reads the source, such as a test of the distribution, finds the modules.
_QUERIES = Command("eventstore_client.cli.query_arguments", "eventstore_client.cli.queries")
_LOADING = Command("eventstore_client.cli.loading_arguments", "eventstore_client.cli.loading")
_FOLLOWING = Command("eventstore_client.cli.following_arguments", "eventstore_client.cli.following", is_live=True)
_ADMINISTRATION = Command("eventstore_client.cli.administration_arguments", "eventstore_client.cli.administration")

COMMANDS: Mapping[str, Command] = {
    "publish": Command("eventstore_client.cli.publishing_arguments", "eventstore_client.cli.publishing"),
    **dict.fromkeys(("load", "import", "demo"), _LOADING),
    "export": Command("eventstore_client.cli.exporting", "eventstore_client.cli.exporting"),
    **dict.fromkeys(("read", "search", "get"), _QUERIES),
    **dict.fromkeys(("tail", "subscribe", "work"), _FOLLOWING),
    **dict.fromkeys(("streams", "subscriptions"), _ADMINISTRATION),
    "rules": Command("eventstore_client.cli.rule_commands", "eventstore_client.cli.rule_commands"),
    **dict.fromkeys(("replay", "dead-letters", "connections"), _ADMINISTRATION),
    "schemas": Command("eventstore_client.cli.schema_commands", "eventstore_client.cli.schema_commands"),
    "filters": Command("eventstore_client.cli.filter_commands", "eventstore_client.cli.filter_commands"),
    "stats": _ADMINISTRATION,
    "doctor": Command("eventstore_client.cli.doctor", "eventstore_client.cli.doctor", makes_client=True),
    "context": _local("eventstore_client.cli.context_commands"),
    "keys": _local("eventstore_client.cli.key_commands"),
    "dev": _local("eventstore_client.cli.dev_command"),
    "completion": _local("eventstore_client.cli.completion"),
}
"""In the order of the help."""
