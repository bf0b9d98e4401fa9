"""The reason that a nack reports: why a handler failed, in one text that the hub keeps with the event."""

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
"""The characters of a reason that the hub keeps."""

_OURS = Path(__file__).parent
_LIBRARIES = tuple({Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def reason_of(error: Exception) -> str:
    """Return the error as one text, with the innermost file and line of the handler's own code.

    The text of `Retry` and `Park` is returned unchanged, because the author of the handler wrote it.
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
    own = _handler_frames(frames)
    return f"{own[-1][0].name}:{own[-1][1]}"[:_LONGEST] if own else ""


def _handler_frames(frames: Sequence[tuple[Path, int]]) -> Sequence[tuple[Path, int]]:
    """Return the frames of the handler's code, without libraries, unless the handler is itself an installed library."""
    if not frames:
        return frames
    home = frames[0][0].parent
    return [
        frame
        for frame in frames
        if home in frame[0].parents or not any(library in frame[0].parents for library in _LIBRARIES)
    ]
