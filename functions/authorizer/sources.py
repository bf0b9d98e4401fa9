"""Sources of the document of API keys: a secret of Secrets Manager, or a file for local development."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eventstore.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from functions.authorizer.settings import AuthorizerSettings

__all__ = ["KeysUnavailable", "document_of"]

_CACHE_SECONDS = 60
"""Seconds for which a key that was removed from the secret is still accepted; API Gateway's cache adds to them."""


class KeysUnavailable(Unavailable):
    """The document of API keys cannot be read."""

    code = "keys-unavailable"


def document_of(settings: AuthorizerSettings) -> Callable[[], str]:
    """Return a function that returns the document, at most a minute old; it raises `KeysUnavailable`."""
    return _file(Path(settings.keys_file)) if settings.keys_file else _secret(settings.keys_secret)


def _file(path: Path) -> Callable[[], str]:
    def read() -> str:
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise KeysUnavailable(f"API_KEYS_FILE={path} cannot be read: {type(error).__name__}") from None

    return read


def _secret(name: str) -> Callable[[], str]:
    def read() -> str:
        # Imported here: a file does not need it.
        from aws_lambda_powertools.utilities import parameters  # noqa: PLC0415 - see above

        try:
            return str(parameters.get_secret(name, max_age=_CACHE_SECONDS))
        except parameters.GetParameterError as error:
            raise KeysUnavailable(f"the secret API_KEYS_SECRET cannot be read: {type(error).__name__}") from None

    return read
