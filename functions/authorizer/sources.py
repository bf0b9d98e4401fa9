"""Where the document of API keys is kept: a secret of Secrets Manager, or a file on a developer's machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eventstore.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from functions.authorizer.settings import AuthorizerSettings

__all__ = ["KeysUnavailable", "document_of"]

_KEPT_SECONDS = 60
"""So long a key that was taken out of the secret is still taken; API Gateway's own cache comes on top."""


class KeysUnavailable(Unavailable):
    """The document of API keys cannot be read."""

    code = "keys-unavailable"


def document_of(settings: AuthorizerSettings) -> Callable[[], str]:
    """What gives the document as it is now, or as it was a minute ago; it raises `KeysUnavailable`."""
    return _file(Path(settings.keys_file)) if settings.keys_file else _secret(settings.keys_secret)


def _file(path: Path) -> Callable[[], str]:
    def read() -> str:
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise KeysUnavailable(f"API_KEYS_FILE, {path}, cannot be read: {type(error).__name__}") from None

    return read


def _secret(name: str) -> Callable[[], str]:
    def read() -> str:
        # Imported here, for a key is checked before a secret is needed only where there is one.
        from aws_lambda_powertools.utilities import parameters  # noqa: PLC0415 - see above

        try:
            return str(parameters.get_secret(name, max_age=_KEPT_SECONDS))
        except parameters.GetParameterError as error:
            raise KeysUnavailable(f"the secret of API_KEYS_SECRET cannot be read: {type(error).__name__}") from None

    return read
