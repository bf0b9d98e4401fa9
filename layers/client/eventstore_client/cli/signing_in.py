"""The options of the command line that select credentials."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore_client.aws_iam import AwsIam
from eventstore_client.credentials import ApiKey, Bearer
from eventstore_client.errors import BadInput, NoCredentials

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from eventstore_client.credentials import Credentials

__all__ = [
    "TokenCommand",
    "add_options",
    "api_key_of_file",
    "secret_of_file",
    "selected_credentials",
    "token_of_file",
]

_TIMEOUT = 60.0
"""Seconds that a token command may take, which may have to ask a person."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select credentials."""
    group = parser.add_argument_group(
        "credentials",
        "Use at most one. Prefer the environment: other users of this machine can read arguments.\nCredentials are "
        "sent only over https and wss, or to a hub on this machine (localhost, 127.0.0.0/8, ::1).",
    )
    kinds = group.add_mutually_exclusive_group()
    kinds.add_argument("--token", metavar="TOKEN", help="a bearer token (default: EVENTSTORE_TOKEN)")
    kinds.add_argument(
        "--token-command",
        metavar="COMMAND",
        help="a command that prints a valid token; it runs for each connection, and when the hub rejects a token",
    )
    kinds.add_argument("--token-file", metavar="FILE", help="a file with a bearer token; read for each connection")
    kinds.add_argument("--api-key", metavar="KEY", help="an API key (default: EVENTSTORE_API_KEY)")
    kinds.add_argument("--api-key-file", metavar="FILE", help="a file with an API key")
    kinds.add_argument("--aws-iam", action="store_true", help="sign requests with your AWS credentials; requires boto3")
    group.add_argument("--region", help="the AWS region for --aws-iam, if the hub's address does not contain it")


def selected_credentials(options: argparse.Namespace) -> Credentials | None:
    """Return the credentials that the options select; None to use those of the environment."""
    if options.token is not None:
        return Bearer(options.token)
    if options.token_command is not None:
        return Bearer(TokenCommand(_words(options.token_command)))
    if options.token_file is not None:
        return token_of_file(options.token_file)
    if options.api_key_file is not None:
        return api_key_of_file(options.api_key_file)
    if options.api_key is not None:
        return ApiKey(options.api_key)
    return AwsIam(region=options.region) if options.aws_iam else None


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise BadInput([f"--token-command {command!r} is invalid: {error}"]) from error


def token_of_file(file: str) -> Bearer:
    """Return the token of a file, which is read again when a connection opens and when the hub rejects the token."""
    path = Path(file)
    return Bearer(lambda: secret_of_file(path))


def api_key_of_file(file: str) -> ApiKey:
    """Return the API key of a file.

    Raises:
        NoCredentials: The file cannot be read, or is empty.
    """
    return ApiKey(secret_of_file(Path(file)))


def secret_of_file(path: Path) -> str:
    """Return the content of a file without the line break at its end.

    Raises:
        NoCredentials: The file cannot be read, or is empty.
    """
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise NoCredentials(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NoCredentials(f"{path}: is not a file of text with a token or key") from None
    if not secret:
        raise NoCredentials(f"{path}: is empty; expected a token or key")
    return secret


@dataclass(frozen=True, slots=True)
class TokenCommand:
    """A command that prints a token. It runs without a shell, and its output is sent to the hub only."""

    command: Sequence[str]

    def __call__(self) -> str:
        """Run the command and return the token.

        Raises:
            NoCredentials: The command cannot be run, fails or takes too long.
        """
        name = self.command[0] if self.command else ""
        try:
            run = subprocess.run(  # noqa: S603 - the user's own command
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=_TIMEOUT, check=True
            )
        except (OSError, IndexError, ValueError) as error:
            raise NoCredentials(f"cannot run the token command {name!r}: {error}") from None
        except subprocess.CalledProcessError as error:
            raise NoCredentials(f"the token command {name!r} exited with code {error.returncode}") from None
        except subprocess.TimeoutExpired:
            raise NoCredentials(f"the token command {name!r} took more than {_TIMEOUT:.0f} s") from None
        return run.stdout.strip()
