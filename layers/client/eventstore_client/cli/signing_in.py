"""The options of the command line that say what a hub is shown."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore_client.aws_iam import AwsIam
from eventstore_client.credentials import ApiKey, Bearer
from eventstore_client.errors import NoCredentials

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from eventstore_client.credentials import Credentials

__all__ = ["TokenCommand", "add_options", "chosen"]

_PATIENCE = 60.0
"""Seconds that a command may take; one that asks a person takes some."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let the command line name a credential."""
    group = parser.add_argument_group(
        "who you are",
        "at most one; better in the environment than here, where others on this machine can read it. Shown over https "
        "and wss alone, or to a hub on this machine: localhost, 127.0.0.0/8, ::1",
    )
    one = group.add_mutually_exclusive_group()
    one.add_argument("--token", metavar="TOKEN", help="a bearer token (else EVENTSTORE_TOKEN)")
    one.add_argument(
        "--token-command",
        metavar="COMMAND",
        help="prints a token that is valid now; run again for each connection, and when the hub takes a token no more",
    )
    one.add_argument("--api-key", metavar="KEY", help="an API key (else EVENTSTORE_API_KEY)")
    one.add_argument("--aws-iam", action="store_true", help="sign with your AWS credentials; needs boto3")
    group.add_argument("--region", help="for --aws-iam, where the hub's address does not tell its AWS region")


def chosen(options: argparse.Namespace) -> Credentials | None:
    """What the command line names; None leaves it to the environment."""
    if options.token is not None:
        return Bearer(options.token)
    if options.token_command is not None:
        return Bearer(TokenCommand(shlex.split(options.token_command)))
    if options.api_key is not None:
        return ApiKey(options.api_key)
    return AwsIam(region=options.region) if options.aws_iam else None


@dataclass(frozen=True, slots=True)
class TokenCommand:
    """A command that prints a token. No shell reads it, and what it prints is shown to nobody but the hub."""

    command: Sequence[str]

    def __call__(self) -> str:
        """The token.

        Raises:
            NoCredentials: The command cannot be run, fails, or takes too long.
        """
        name = self.command[0] if self.command else ""
        try:
            run = subprocess.run(  # noqa: S603 - the user's own command
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=_PATIENCE, check=True
            )
        except (OSError, IndexError, ValueError) as error:
            raise NoCredentials(f"the token command {name!r} cannot be run: {error}") from None
        except subprocess.CalledProcessError as error:
            raise NoCredentials(f"the token command {name!r} ended with exit code {error.returncode}") from None
        except subprocess.TimeoutExpired:
            raise NoCredentials(f"the token command {name!r} took more than {_PATIENCE:.0f} s") from None
        return run.stdout.strip()
