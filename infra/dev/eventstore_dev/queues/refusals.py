"""What SQS answers to a request that it does not accept.

Rules: SQS API Reference, "Common Errors" and the errors of each action.
"""

from __future__ import annotations

# Codes that differ from the name of the error's shape.
_QUERY_CODES = {
    "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    "BatchRequestTooLong": "AWS.SimpleQueueService.BatchRequestTooLong",
    "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
    "InvalidBatchEntryId": "AWS.SimpleQueueService.InvalidBatchEntryId",
    "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    "UnsupportedOperation": "AWS.SimpleQueueService.UnsupportedOperation",
}


class Refusal(Exception):
    """A request, or an entry of a batch, that is not accepted; always the caller's fault.

    Attributes:
        error: The shape's name in the API's model.
    """

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.message = message

    @property
    def code(self) -> str:
        """What clients know it by."""
        return _QUERY_CODES.get(self.error, self.error)


def invalid(name: str, value: object, reason: str) -> Refusal:
    """The refusal of a parameter's value."""
    return Refusal("InvalidParameterValue", f"Value {value} for parameter {name} is invalid. Reason: {reason}")


def missing(name: str) -> Refusal:
    """The refusal of a request that lacks a parameter."""
    return Refusal("MissingParameter", f"The request must contain the parameter {name}.")
