"""The process that a connection belongs to: a forked child must not use the sockets of its parent."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from eventstore_client.errors import WrongProcess

__all__ = ["Process"]


@dataclass(frozen=True, slots=True)
class Process:
    """The process that created an object.

    Attributes:
        number: The id of the process.
    """

    number: int = field(default_factory=os.getpid)

    @property
    def is_this(self) -> bool:
        """Whether the current process is that process, rather than a child forked since."""
        return os.getpid() == self.number

    def check(self, what: str) -> None:
        """Raise an error in any other process.

        Args:
            what: The name of the object in the error.

        Raises:
            WrongProcess: The current process is a child forked since.
        """
        if not self.is_this:
            raise WrongProcess(
                f"{what} belongs to process {self.number}, which forked this process ({os.getpid()}): create a new one"
            )
