"""What `eventstore schemas` and `filters` share: definitions that a hub keeps under a name, with their etags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from eventstore_client.cli.parsers import add_command
from eventstore_client.cli.records import details
from eventstore_client.cli.shared_arguments import add_output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping

    from eventstore_client.cli.parsers import Commands, Parser

__all__ = ["Definition", "add_delete", "add_list", "add_put_condition", "lines_of"]


class Definition(Protocol):
    """A definition of the hub."""

    @property
    def raw(self) -> Mapping[str, Any]:
        """What the hub sent."""
        ...

    @property
    def etag(self) -> str | None:
        """The version of the definition; None in a list."""
        ...


def add_list(actions: Commands, common: Parser, purpose: str, *, things: str) -> None:
    """Add the command that lists definitions.

    Args:
        actions: The commands of the group.
        common: The options that all commands have.
        purpose: What it does, as for `add_command`.
        things: What has the names, in the plural.
    """
    listing = add_command(actions, common, "list", purpose)
    listing.add_argument("--prefix", help=f"only {things} that start with this text")
    add_output(listing)


def add_put_condition(put: Parser, *, exists: str) -> None:
    """Add the options by which a definition is stored only if the hub has the expected one.

    Args:
        put: The command.
        exists: When `--new` fails.
    """
    condition = put.add_mutually_exclusive_group()
    condition.add_argument("--new", action="store_true", help=f"fail if {exists}")
    _add_expected(condition, "store")


def add_delete(actions: Commands, common: Parser, purpose: str) -> Parser:
    """Add the command that deletes a definition, and return its parser, which gets the name."""
    delete = add_command(actions, common, "delete", purpose)
    _add_expected(delete, "delete")
    add_output(delete)
    return delete


def lines_of(definition: Definition, *, output: str) -> Iterable[str]:
    """Return the lines that print a definition and its etag, which `--expected` takes."""
    # A shell removes the quotes of the header, which are no part of the version.
    etag = {"etag": definition.etag.strip('"')} if definition.etag else {}
    return details({**definition.raw, **etag}, output=output)


def _add_expected(command: argparse._ActionsContainer, verb: str) -> None:
    command.add_argument("--expected", metavar="ETAG", help=f"{verb} it only if `show` still prints this etag")
