"""The archive function: every few minutes it archives the events of all partitions."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from eventstore.errors import SettingsError
from functions.hub import hub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["handler"]

_LOGGER = logging.getLogger(__name__)

_RESERVE = 300_000
"""Milliseconds reserved for the merge that is begun last: a merge of full size takes a minute or two."""


def handler(_: Mapping[str, Any], context: LambdaContext) -> dict[str, int]:
    """Archive what is due; returns the counts of the run."""
    # Before the archive is asked: it sets the log level.
    archiver = hub().archiver
    if archiver is None:
        raise SettingsError("ARCHIVE_URL is unset; the parameter ArchiveUrl of the template sets it")
    end = hub().clock.now() + context.get_remaining_time_in_millis()
    archived = archiver.run(until=end - _RESERVE)
    counts = {
        "segments": archived.segments,
        "events": archived.events,
        "merged": archived.merged,
        "deleted": archived.deleted,
        "cooled": archived.cooled,
        "diverged": archived.diverged,
    }
    _LOGGER.info("archived: %s; the newest archived event per partition: %s", counts, archived.until)
    return counts
