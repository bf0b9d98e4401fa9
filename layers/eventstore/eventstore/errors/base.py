"""The root of the error tree, and the error of a misconfigured process."""

from __future__ import annotations

from typing import ClassVar

__all__ = ["EventstoreError", "SettingsError"]


class EventstoreError(Exception):
    """The root of all errors that the hub raises on purpose.

    Attributes:
        code: Stable across versions; programs may branch on it.
        detail: One sentence for a person: what is wrong, and what would be right.
    """

    code: ClassVar[str] = "error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class SettingsError(ValueError):
    """A setting is missing or invalid; the message names the setting and a valid value."""
