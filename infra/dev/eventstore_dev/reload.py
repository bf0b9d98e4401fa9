"""Notices that the template or a function's sources have changed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from watchfiles import DefaultFilter, awatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from watchfiles import Change

# How long changes are gathered before they are told, in milliseconds: an editor saves in several steps.
_GATHER, _STEP = 300, 50


class _Sources(DefaultFilter):
    """All but what tools leave behind."""

    ignore_dirs = (*DefaultFilter.ignore_dirs, ".aws-sam", ".eventstore", ".ruff_cache", ".hypothesis")


class _Only(DefaultFilter):
    """One file, however an editor replaces it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = str(path)

    def __call__(self, change: Change, path: str) -> bool:
        return path == self._path and super().__call__(change, path)


async def watch(
    template: Path, folders: Iterable[Path], changed: Callable[[set[Path]], None], *, begun: asyncio.Event
) -> None:
    """Tells of changed files in the folders, and of the template, until it is cancelled.

    Args:
        template: A file; the folders are watched with all that is in them.
        folders: Those that are not there are left out.
        changed: What is told.
        begun: Set as soon as no change is missed any more.
    """
    present = [folder for folder in folders if folder.is_dir()]

    async def follow(*paths: Path, only: DefaultFilter, recursive: bool) -> None:
        async for changes in awatch(
            *paths, watch_filter=only, debounce=_GATHER, step=_STEP, recursive=recursive, rust_timeout=1000
        ):
            changed({Path(path) for _, path in changes})

    # The file's folder is watched, for a watch on the file itself ends when an editor replaces it.
    async with asyncio.TaskGroup() as group:
        group.create_task(follow(template.parent, only=_Only(template), recursive=False))
        if present:
            group.create_task(follow(*present, only=_Sources(), recursive=True))
        # awatch watches before it first waits, and by the next turn of the loop each has come so far.
        await asyncio.sleep(0)
        begun.set()
