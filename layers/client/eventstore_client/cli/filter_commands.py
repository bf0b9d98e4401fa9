"""The commands `eventstore filters`, and their help texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore_client.cli.definitions import done, filters_of, has_filters
from eventstore_client.cli.named_definitions import add_delete, add_list, add_put_condition, lines_of
from eventstore_client.cli.outputs import printing
from eventstore_client.cli.parsers import UsageError, add_command, add_group
from eventstore_client.cli.records import records
from eventstore_client.cli.shared_arguments import add_output
from eventstore_client.cli.subscription_arguments import add_filters

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping

    from eventstore_client.cli.parsers import Commands, Parser
    from eventstore_client.hub import EventStore

__all__ = ["BUILDERS", "RUNNERS"]

_COLUMNS = ("id", "filters", "version", "updated")


def _add_filters(commands: Commands, common: Parser) -> None:
    actions = add_group(commands, "filters", "list, show, store and delete filters that the hub keeps under a name")
    add_list(actions, common, "print the filters by name", things="names")

    show = add_command(actions, common, "show", "print a filter")
    _add_name(show)
    add_output(show)

    put = add_command(actions, common, "put", "store a filter; subscriptions that name it follow the change")
    _add_name(put)
    add_filters(put, "events")
    add_put_condition(put, exists="the filter exists")
    add_output(put)

    _add_name(add_delete(actions, common, "delete a filter that no durable subscription names"))


def _run(options: argparse.Namespace, store: EventStore) -> Iterable[str]:
    """Run a command, and return the lines to print.

    Raises:
        UsageError: No option says what the filter matches.
    """
    filters, output = store.filters, options.output
    match options.action:
        case "list":
            found = (each.raw for each in filters.list(prefix=options.prefix))
            return records(found, _COLUMNS, output=output)
        case "show":
            shown = filters.get(options.name)
        case "put":
            if not has_filters(options):
                raise UsageError(
                    "one of the arguments --type --filter --filters is required",
                    usage="",
                    program="eventstore filters put",
                )
            shown = filters.put(options.name, filters_of(options), expected=options.expected, new=options.new)
        case _:
            filters.delete(options.name, expected=options.expected)
            return done(options, id=options.name, deleted=True)
    return lines_of(shown, output=output)


def _add_name(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", help="the name of the filter")


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {"filters": _add_filters}
"""Each adds a command, with the options that all commands have."""

RUNNERS: Mapping[str, Callable[[argparse.Namespace, EventStore], None]] = {"filters": printing(_run)}
