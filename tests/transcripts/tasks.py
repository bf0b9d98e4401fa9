"""What several clients ask of tasks and of their errors."""

from __future__ import annotations

import asyncio

__all__ = ["is_cancelled", "leaves"]


def is_cancelled() -> bool:
    """Whether the current task was asked to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def leaves(error: BaseException) -> list[BaseException]:
    """The errors of a group and of those within it; an error that is no group by itself."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for part in error.exceptions for leaf in leaves(part)]
    return [error]
