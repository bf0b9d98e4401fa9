"""Why a handler failed, in the words that are kept with the event."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore_client.verdicts import Park, Retry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

__all__ = ["reason_of"]

_LONGEST = 300
"""Characters of a reason that the hub keeps."""

_OURS = Path(__file__).parent
_LIBRARIES = tuple({Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def reason_of(error: Exception) -> str:
    """The error in one text, with the innermost file and line of the handler's own code.

    `Retry` and `Park` are words of the handler's author, and stay as they are.
    """
    if isinstance(error, Retry | Park):
        return str(error)[:_LONGEST]
    place = _place(error.__traceback__)
    suffix = f" ({place})" if place else ""
    return f"{type(error).__name__}: {error}"[: _LONGEST - len(suffix)] + suffix


def _place(traceback: TracebackType | None) -> str:
    frames: list[tuple[Path, int]] = []
    while traceback is not None:
        file = Path(traceback.tb_frame.f_code.co_filename)
        if _OURS not in file.parents:
            frames.append((file, traceback.tb_lineno))
        traceback = traceback.tb_next
    own = _own(frames)
    return f"{own[-1][0].name}:{own[-1][1]}"[:_LONGEST] if own else ""


def _own(frames: Sequence[tuple[Path, int]]) -> Sequence[tuple[Path, int]]:
    """The frames of the handler's author: no library's, unless the handler itself is installed as one."""
    if not frames:
        return frames
    home = frames[0][0].parent
    return [
        frame
        for frame in frames
        if home in frame[0].parents or not any(library in frame[0].parents for library in _LIBRARIES)
    ]
