"""Which process something belongs to: what a fork copies is no second connection."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from eventstore_client.errors import WrongProcess

__all__ = ["Process"]


@dataclass(frozen=True, slots=True)
class Process:
    """The process in which something was made.

    Attributes:
        number: Its id.
    """

    number: int = field(default_factory=os.getpid)

    @property
    def is_this(self) -> bool:
        """Whether this is that process, rather than a child that was forked since."""
        return os.getpid() == self.number

    def check(self, what: str) -> None:
        """Return in that process.

        Raises:
            WrongProcess: This is another one.
        """
        if not self.is_this:
            raise WrongProcess(
                f"{what} belongs to process {self.number}, which forked this one ({os.getpid()}): make another one here"
            )
