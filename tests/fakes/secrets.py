"""`ports.secrets`, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.ports.secrets import SecretUnavailable, signing_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.ports import SigningKey

__all__ = ["FakeSecrets"]


class FakeSecrets:
    """Holds the texts of secrets by their names."""

    def __init__(self, **texts: str) -> None:
        self.texts = texts

    def get(self, name: str) -> Sequence[SigningKey]:
        if name not in self.texts:
            raise SecretUnavailable(f"secret {name!r} cannot be read: it does not exist")
        return signing_keys(name, self.texts[name])
