"""By which rules SQS refuses a message.

Rules: SQS API Reference, "SendMessage" and "SendMessageBatch"; SQS Developer Guide, "Amazon SQS message quotas".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from eventstore_dev.queues.refusals import Refusal, invalid, missing

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DELAY = 900
MAX_VISIBILITY = 43_200
BATCH = 10
_TOKEN = re.compile(r"[!-~]{1,128}")
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_ATTRIBUTE_TYPE = re.compile(r"(String|Number|Binary)(\.[^.].*)?", re.DOTALL)
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FORBIDDEN_TOLD = (
    "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | "
    "#x10000 to #x10FFFF"
)
_TYPES_TOLD = "the set of supported type prefixes is Binary, Number, and String"
_ENTRY_ID_TOLD = (
    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
    "It can be at most 80 letters long."
)
_OTHER_KIND = "The request include parameter that is not valid for this queue type."


def message_size(body: str, attributes: Mapping[str, Mapping[str, Any]]) -> int:
    """What counts against the limit: the body, and the names, types and values of attributes."""
    size = len(body) if body.isascii() else len(body.encode())
    for name, value in attributes.items():
        size += len(name.encode()) + len(value["DataType"].encode())
        content = value.get("StringValue", value.get("BinaryValue", b""))
        size += len(content.encode() if isinstance(content, str) else content)
    return size


def check_message(body: str, attributes: Mapping[str, Mapping[str, Any]], *, limit: int) -> None:
    """Refuses what no queue takes.

    Raises:
        Refusal: Empty, too large, with a character that XML has no place for, or with attributes that are none.
    """
    if not body:
        raise missing("MessageBody")
    if message_size(body, attributes) > limit:
        told = f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
        raise Refusal("InvalidParameterValue", told)
    if _FORBIDDEN.search(body):
        raise Refusal("InvalidMessageContents", _FORBIDDEN_TOLD)
    if len(attributes) > BATCH:
        raise Refusal(
            "InvalidParameterValue",
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [10].",
        )
    for name, value in attributes.items():
        if not _ATTRIBUTE_NAME.fullmatch(name):
            raise _attribute_refusal(name, "has an invalid name")
        kind = value.get("DataType")
        if not isinstance(kind, str) or not _ATTRIBUTE_TYPE.fullmatch(kind):
            raise _attribute_refusal(name, f"has an invalid message attribute type {kind!r}; {_TYPES_TOLD}")
        if not value.get("BinaryValue" if kind.startswith("Binary") else "StringValue"):
            raise _attribute_refusal(name, f"must contain a non-empty value of the type {kind!r}")


def check_ids(*, group: str | None, deduplication: str | None, delay: int | None, fifo: bool) -> None:
    """Refuses parameters that a kind of queue does not take, or lacks.

    Raises:
        Refusal: An id is none, or a parameter is missing or is for the other kind of queue.
    """
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication)):
        if value is not None and not _TOKEN.fullmatch(value):
            told = f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            raise invalid(name, value, told)
    if delay is not None and not 0 <= delay <= MAX_DELAY:
        raise invalid("DelaySeconds", delay, f"DelaySeconds must be >= 0 and <= {MAX_DELAY}.")
    if fifo and group is None:
        raise missing("MessageGroupId")
    if fifo and delay:
        raise invalid("DelaySeconds", delay, _OTHER_KIND)
    if not fifo and deduplication is not None:
        raise invalid("MessageDeduplicationId", deduplication, _OTHER_KIND)


def check_batch(operation: str, entries: list[dict[str, Any]]) -> None:
    """Refuses a batch as a whole.

    Raises:
        Refusal: It is empty or too large, or the ids of its entries are not distinct ids.
    """
    if not entries:
        raise Refusal("EmptyBatchRequest", f"There should be at least one {operation}RequestEntry in the request.")
    if len(entries) > BATCH:
        told = f"Maximum number of entries per request are 10. You have sent {len(entries)}."
        raise Refusal("TooManyEntriesInBatchRequest", told)
    seen: set[str] = set()
    for entry in entries:
        name = str(entry.get("Id", ""))
        if not _ENTRY_ID.fullmatch(name):
            raise Refusal("InvalidBatchEntryId", _ENTRY_ID_TOLD)
        if name in seen:
            raise Refusal("BatchEntryIdsNotDistinct", f"Id {name} repeated.")
        seen.add(name)


def _attribute_refusal(name: str, told: str) -> Refusal:
    return Refusal("InvalidParameterValue", f"The message attribute '{name}' {told}.")
