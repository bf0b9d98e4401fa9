"""Limits of integers, which are those of the WebSocket protocol: protobuf's own types hold more."""

from __future__ import annotations

from eventstore.errors import InvalidRequest

__all__ = ["require_at_most"]


def require_at_most(most: int, value: int, *, pointer: str) -> None:
    """Raise `InvalidRequest` if an integer is too great.

    Args:
        most: The greatest value.
        value: The integer.
        pointer: Where the request has it (RFC 6901), for the error.
    """
    if value > most:
        raise InvalidRequest(f"{pointer.rpartition('/')[2]} must be an integer from 0 to {most}", pointer=pointer)
