"""Messages of SQS FIFO queues, as the hub sends them.

Every request and delivery has a deduplication id of its own, because equal messages are separate requests.
"""

from __future__ import annotations

__all__ = ["BATCH_BYTES", "BATCH_MESSAGES", "entry_of"]

BATCH_MESSAGES = 10
BATCH_BYTES = 250 * 1024
"""SQS accepts ten messages per call, and 256 KiB in all unless the quota was raised (SQS quotas)."""


def entry_of(name: str, group: str, body: str, identity: str) -> dict[str, str]:
    """Return a message as an entry of a batch.

    Args:
        name: Its name in the answer to the batch.
        group: Its message group.
        body: Its body.
        identity: Its deduplication id.
    """
    return {"Id": name, "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": identity}
