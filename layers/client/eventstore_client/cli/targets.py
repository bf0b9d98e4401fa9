"""Which hub a command uses, and with which credentials: options, the environment and contexts."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore_client.aws_iam import AwsIam
from eventstore_client.cli.contexts import contexts_path, load_contexts
from eventstore_client.cli.signing_in import TokenCommand, api_key_of_file, selected_credentials, token_of_file
from eventstore_client.credentials import Anonymous, Bearer
from eventstore_client.errors import BadInput
from eventstore_client.hub import DEFAULT_URL

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from eventstore_client.cli.contexts import Context
    from eventstore_client.credentials import Credentials

__all__ = ["Target", "selected_context", "target_of"]

_CREDENTIALS = ("EVENTSTORE_TOKEN", "EVENTSTORE_API_KEY")

_MOST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Target:
    """A hub, and what a command sends to it.

    Attributes:
        url: The hub's REST address.
        websocket_url: Its WebSocket address; None if it is derived from `url`.
        credentials: The credentials; None for those of the environment, if it has some.
        source: What selected the address.
        secret_file: The file with the credentials; None if they are not in a file.
    """

    url: str
    websocket_url: str | None
    credentials: Credentials | None
    source: str
    secret_file: str | None = None


def target_of(options: argparse.Namespace, environment: Mapping[str, str]) -> Target:
    """Return the hub that a command uses.

    The address is that of the first of these that is there: `--url`, `--context`, EVENTSTORE_URL, EVENTSTORE_CONTEXT,
    the context in use, and PORT. The WebSocket address and the credentials of a context are for its address only.

    Raises:
        BadInput: There is no context of this name, its file of credentials cannot be read, or PORT is no port.
    """
    own, file = selected_credentials(options), options.token_file or options.api_key_file
    in_environment = environment.get("EVENTSTORE_WEBSOCKET_URL") or None
    if options.url:
        return Target(options.url, options.websocket_url, own, "--url", file)
    if not options.context and (url := environment.get("EVENTSTORE_URL")):
        return Target(url, options.websocket_url or in_environment, own, "EVENTSTORE_URL", file)
    has_own = any(map(environment.get, _CREDENTIALS))
    # Scripts that set the credentials of a hub, and no address, mean the hub that they used before there were contexts.
    may_be_current = options.context or environment.get("EVENTSTORE_CONTEXT") or not has_own
    if may_be_current and (named := selected_context(options.context, environment)):
        name, context = named
        # A context that an option selects is an option itself.
        credentials = own
        if own is None and (options.context or not has_own):
            credentials, file = _credentials_of(context), context.token_file or context.api_key_file
        address = options.websocket_url or context.websocket_url
        if credentials is None and options.context:
            # The credentials of the environment are not for it.
            credentials = Anonymous()
        return Target(context.url, address, credentials, f"context {name}", file)
    if port := environment.get("PORT"):
        return Target(_local(port), options.websocket_url or in_environment, own, "PORT", file)
    return Target(DEFAULT_URL, options.websocket_url or in_environment, own, "the default", file)


def selected_context(option: str | None, environment: Mapping[str, str]) -> tuple[str, Context] | None:
    """Return the context that commands use, with its name; None if there is none.

    Args:
        option: The value of `--context`.
        environment: May have EVENTSTORE_CONTEXT.

    Raises:
        BadInput: There is no context of this name.
    """
    contexts = load_contexts(contexts_path(environment))
    name = option or environment.get("EVENTSTORE_CONTEXT") or contexts.current
    return (name, contexts.get(name)) if name else None


def _credentials_of(context: Context) -> Credentials | None:
    if context.token_file:
        return token_of_file(context.token_file)
    if context.api_key_file:
        return api_key_of_file(context.api_key_file)
    if context.token_command:
        return Bearer(TokenCommand(shlex.split(context.token_command)))
    return AwsIam(region=context.region) if context.aws_iam else None


def _local(port: str) -> str:
    if not (port.isascii() and port.isdecimal() and 0 < int(port) <= _MOST_PORT):
        raise BadInput([f"PORT is {port!r}, which is no port such as 8081; correct it, or set EVENTSTORE_URL"])
    return f"http://127.0.0.1:{port}"
