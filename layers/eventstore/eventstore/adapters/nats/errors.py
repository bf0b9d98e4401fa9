"""The errors of NATS, and what those of JetStream mean for a journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.errors import SettingsError, StoreFull, StoreUnavailable, TooLarge

if TYPE_CHECKING:
    from eventstore.adapters.nats.messages import JetStreamName

__all__ = [
    "FORMING",
    "NO_MESSAGE_FOUND",
    "STREAM_NOT_FOUND",
    "NatsError",
    "NoResponders",
    "Refused",
    "gone",
    "meaning",
]

# Codes of JetStream (nats-server, server/errors.json).
NO_MESSAGE_FOUND = 10037
STREAM_NOT_FOUND = 10059
FORMING = frozenset({10005, 10008, 10009})
"""no suitable peers for placement, system temporarily unavailable, cluster can not handle request: a cluster that is
about to form, or to have another leader."""

_FULL = frozenset({10002, 10023, 10047})
"""resource limits exceeded for account, insufficient resources, insufficient storage resources available"""
_TOO_LARGE = 10054
_NO_JETSTREAM = frozenset({10035, 10039})
"""account not found, JetStream not enabled for account"""


class Refused(Exception):
    """The server refuses the client, or what it wants to do; trying again does not help."""


class NoResponders(Exception):
    """Nobody answers at the moment: a stream has no leader, a cluster is about to form, or JetStream is off."""


class NatsError(Exception):
    """JetStream refused a request.

    Attributes:
        code: The code of JetStream's error (`err_code`).
        description: Its text.
    """

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{description} ({code})")
        self.code = code
        self.description = description


def meaning(error: NatsError, stream: JetStreamName) -> Exception:
    """Return the error of the port `Journal` that an error of JetStream means for a stream that is in use."""
    if error.code in _FULL:
        return StoreFull(
            f"the journal is full, and accepts no events: NATS answers {error}; stored events are still read and "
            "delivered: delete streams, shorten retention, or raise max_file_store or the limit of the account"
        )
    if error.code == STREAM_NOT_FOUND:
        return gone(stream)
    if error.code == _TOO_LARGE:
        return TooLarge(f"NATS does not accept a record as large as this: {error}")
    if error.code in _NO_JETSTREAM:
        return SettingsError(f"the account of NATS_URL has no JetStream: {error}")
    return StoreUnavailable(f"NATS refuses a request for the stream {stream}: {error}")


def gone(stream: JetStreamName) -> StoreUnavailable:
    """Return the error of a stream that was deleted while the hub used it."""
    return StoreUnavailable(
        f"the stream {stream} of NATS was deleted, and with it a partition of the journal: restore it from a backup; "
        "the hub does not make it again while it runs"
    )
