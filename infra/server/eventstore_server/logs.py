"""What the process logs: plain lines for a terminal, JSON for machines."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, TextIO

from eventstore.errors import SettingsError
from eventstore_server.call_scope import current_scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.ports.instances import InstanceId

__all__ = ["JsonFormatter", "configure_logs", "log_format"]

_PLAIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_FORMATS = ("json", "plain")
_QUIET = ("asyncio", "botocore", "redis", "urllib3", "websockets")


class JsonFormatter(logging.Formatter):
    """One line of JSON for each record.

    Members: `time` (UTC, RFC 3339), `level`, `logger`, `message`, `instance`; where they are known, `door`,
    `request_id` and `connection_id`; for an exception, `traceback`.

    Args:
        instance: The id of this instance.
    """

    def __init__(self, *, instance: InstanceId) -> None:
        super().__init__()
        self._instance = instance

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        scope = current_scope()
        members = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "instance": self._instance,
        }
        if scope.request_id or scope.connection_id:
            members["door"] = scope.door
        if scope.request_id:
            members["request_id"] = scope.request_id
        if scope.connection_id:
            members["connection_id"] = scope.connection_id
        if record.exc_info:
            members["traceback"] = self.formatException(record.exc_info)
        # Only ASCII, and so no character that some readers take for the end of a line.
        return json.dumps(members)


def log_format(environment: Mapping[str, str], *, output: TextIO) -> str:
    """Return how to log: what `LOG_FORMAT` says, else plain on a terminal, and JSON elsewhere.

    Raises:
        SettingsError: It is neither.
    """
    chosen = environment.get("LOG_FORMAT") or ("plain" if output.isatty() else "json")
    if chosen not in _FORMATS:
        raise SettingsError(f"LOG_FORMAT is {chosen!r}; it must be {' or '.join(_FORMATS)}")
    return chosen


def configure_logs(style: str, *, level: str, instance: InstanceId, output: TextIO) -> None:
    """Log to a stream from now on.

    Args:
        style: `json` or `plain`.
        level: The lowest level that is logged.
        instance: The id of this instance.
        output: The stream.
    """
    handler = logging.StreamHandler(output)
    handler.setFormatter(JsonFormatter(instance=instance) if style == "json" else logging.Formatter(_PLAIN))
    handler.addFilter(_is_wanted)
    logging.basicConfig(level=level, handlers=[handler], force=True)


def _is_wanted(record: logging.LogRecord) -> bool:
    """Whether a record is logged: libraries log a line for each connection, or what they send, credentials included.

    Not by the levels of their loggers: a module of theirs may have a level of its own.
    """
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] not in _QUIET
