"""Errors of a caller that may not do what it asks for; nothing was changed."""

from __future__ import annotations

from eventstore.errors.base import EventstoreError

__all__ = ["Forbidden", "Refused", "Unauthorized"]


class Refused(EventstoreError):
    """The caller may not do this, whether the resource exists or not."""

    code = "refused"


class Unauthorized(Refused):
    """There are no valid credentials; `detail` never quotes one."""

    code = "unauthorized"


class Forbidden(Refused):
    """The credentials are valid but do not allow this.

    Attributes:
        pointer: The part of the request that is not allowed, as in `Invalid`.
    """

    code = "forbidden"

    def __init__(self, detail: str, *, pointer: str = "") -> None:
        super().__init__(detail)
        self.pointer = pointer
