"""The contexts of a user: named hubs with the places of their credentials, in a file that only the user reads."""

from __future__ import annotations

import json
import os
import shlex
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from eventstore_client.cli.own_files import locked_folder, replace_file
from eventstore_client.cli.parsers import suggestion
from eventstore_client.errors import BadInput, ConnectFailed
from eventstore_client.transport import checked_url, websocket_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Context", "Contexts", "contexts_path", "load_contexts", "updating_contexts"]

_TEXTS = ("url", "websocket_url", "token_file", "api_key_file", "token_command", "region")
_PRIVATE, _PRIVATE_FOLDER = 0o600, 0o700
_FILE = Path("eventstore/contexts.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A hub under a name. It has the places of credentials, and never a secret.

    Attributes:
        url: The hub's REST address.
        websocket_url: Its WebSocket address; None if it is derived from `url`.
        token_file: The file with a bearer token.
        api_key_file: The file with an API key.
        token_command: The command that prints a bearer token.
        aws_iam: Whether requests are signed with the user's AWS credentials.
        region: The AWS region of these signatures; None if it is that of the address.
    """

    url: str
    websocket_url: str | None = None
    token_file: str | None = None
    api_key_file: str | None = None
    token_command: str | None = None
    aws_iam: bool = False
    region: str | None = None

    def __post_init__(self) -> None:
        """Check the addresses and the credentials.

        Raises:
            ValueError: A member is invalid.
        """
        for address in (self.url, self.websocket_url or ""):
            # Checked first: the other errors quote the address.
            if "@" in urlsplit(address).netloc:
                raise ValueError("the address contains a user or a password; use --token-file or --api-key-file")
        try:
            checked_url(self.url)
            if self.websocket_url is not None:
                websocket_url(self.websocket_url, url=self.url)
        except ConnectFailed as error:
            raise ValueError(str(error)) from None
        if self.token_command is not None:
            try:
                shlex.split(self.token_command)
            except ValueError as error:
                raise ValueError(f"the token command {self.token_command!r} is invalid: {error}") from None
        kinds = (self.token_file, self.api_key_file, self.token_command, self.aws_iam)
        if sum(map(bool, kinds)) > 1:
            raise ValueError("a context has at most one of token_file, api_key_file, token_command and aws_iam")

    @classmethod
    def parse(cls, members: object) -> Self:
        """Parse a context of the file.

        Raises:
            ValueError, TypeError: It is not a context.
        """
        if not isinstance(members, dict):
            raise TypeError("must be an object")
        if unknown := members.keys() - {*_TEXTS, "aws_iam"}:
            raise ValueError(f"unknown member {min(unknown)!r}")
        if any(not isinstance(members.get(name, ""), str) for name in _TEXTS):
            raise TypeError("all members but aws_iam must be text")
        if not isinstance(members.get("aws_iam", False), bool):
            raise TypeError("aws_iam must be true or false")
        return cls(**members)

    def members(self) -> Mapping[str, Any]:
        """Return what the file has: the members that are set."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True, slots=True)
class Contexts:
    """The contexts of a user.

    Attributes:
        by_name: The contexts.
        current: The name of the context that commands use; None for none.
    """

    by_name: Mapping[str, Context]
    current: str | None = None

    def get(self, name: str) -> Context:
        """Return a context.

        Raises:
            BadInput: There is no context of this name.
        """
        if name not in self.by_name:
            known = ", ".join(sorted(self.by_name)) or "none; `eventstore context add NAME --url URL` adds one"
            raise BadInput([f"no context {name!r}{suggestion(name, self.by_name)} (contexts: {known})"])
        return self.by_name[name]

    def with_context(self, name: str, context: Context) -> Contexts:
        """Return the contexts with another one, or with a new definition of one."""
        return replace(self, by_name={**self.by_name, name: context})

    def without(self, name: str) -> Contexts:
        """Return the contexts without one of them.

        Raises:
            BadInput: There is no context of this name.
        """
        self.get(name)
        rest = {other: context for other, context in self.by_name.items() if other != name}
        return Contexts(rest, None if self.current == name else self.current)


def contexts_path(environment: Mapping[str, str]) -> Path:
    """Return the file of contexts (XDG Base Directory Specification: a relative path is ignored)."""
    configured = Path(environment.get("XDG_CONFIG_HOME") or "")
    if configured.is_absolute():
        return configured / _FILE
    try:
        return Path.home() / ".config" / _FILE
    except RuntimeError:
        # A user without a home, as in a container, has no contexts.
        return Path(os.sep) / ".config" / _FILE


def load_contexts(path: Path) -> Contexts:
    """Return the contexts of a file; none if it does not exist.

    Raises:
        BadInput: The file cannot be read, or is invalid.
    """
    try:
        content = json.loads(path.read_bytes())
        members = content["contexts"]
        by_name = {str(name): _parsed(name, context) for name, context in members.items()}
        current = content.get("current")
    except (FileNotFoundError, NotADirectoryError):
        return Contexts({})
    except OSError as error:
        raise BadInput([f"{path}: cannot be read: {error.strerror}"]) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput([f"{path}: is no file of contexts: {error}; correct or remove it"]) from error
    return Contexts(by_name, current if isinstance(current, str) and current in by_name else None)


@contextmanager
def updating_contexts(path: Path) -> Iterator[list[Contexts]]:
    """Write the contexts that the context leaves in the list that it gets, unless it raises an exception.

    The file is replaced as a whole, with a mode that lets only its owner read it. Programs that update it wait for
    each other.

    Raises:
        BadInput: The file cannot be read or written, or is invalid.
    """
    try:
        path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput([f"{path.parent}: cannot be used: {error.strerror}"]) from error
    with locked_folder(path.parent):
        contexts = [load_contexts(path)]
        yield contexts
        replace_file(path, _text_of(contexts[0]), mode=_PRIVATE)


def _parsed(name: str, members: object) -> Context:
    try:
        return Context.parse(members)
    except (ValueError, TypeError) as error:
        raise ValueError(f"context {name!r}: {error}") from error


def _text_of(contexts: Contexts) -> str:
    members = {name: context.members() for name, context in sorted(contexts.by_name.items())}
    return json.dumps({"current": contexts.current, "contexts": members}, indent=2, ensure_ascii=False) + "\n"
