"""What a mapping needs of the place where queues live. A wrapper makes deliveries fail, repeat or come late."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class BrokerError(Exception):
    """The place where queues live does not answer as it should; what it holds is still there."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message that is in flight.

    Attributes:
        handle: What names this receipt of it.
        attributes: The system's, among them `MessageGroupId`.
        message_attributes: The sender's, as the SQS API writes them.
        source: The queue's ARN.
    """

    id: str
    handle: str
    body: str
    md5: str
    attributes: Mapping[str, str]
    message_attributes: Mapping[str, Mapping[str, Any]]
    source: str

    @property
    def group(self) -> str:
        """The group whose order it keeps; empty if it keeps none."""
        return self.attributes.get("MessageGroupId", "")


def written(attribute: Mapping[str, Any]) -> dict[str, Any]:
    """A message attribute as JSON has it."""
    if "BinaryValue" not in attribute:
        return dict(attribute)
    return {**attribute, "BinaryValue": b64encode(attribute["BinaryValue"]).decode()}


class Broker(Protocol):
    """Queues, by name. Every method may raise `BrokerError`."""

    async def receive(self, queue: str, *, most: int, wait: float) -> Sequence[Received]:
        """Takes what may be delivered now, each group in its order; waits for the first message, but not for ever.

        Args:
            queue: Its name.
            most: At most so many, up to 10.
            wait: About how many seconds to wait.
        """
        ...

    async def delete(self, queue: str, handles: Sequence[str]) -> Sequence[str]:
        """Ends messages; returns the handles of those that stay, for others may have them by now."""
        ...

    async def postpone(self, queue: str, handles: Sequence[str], *, seconds: float) -> None:
        """Makes messages visible again after so long, as far as they are still in flight."""
        ...
