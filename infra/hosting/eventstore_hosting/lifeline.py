"""Children that end with their parent, however the parent ends."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import Self

# Blocks until the pipe's other end closes, which the kernel does even for a parent that was killed.
_WATCH = 'trap "" TERM; read -r _; kill -s "$1" 0'


class Lifeline:
    """A process group that is signalled as soon as the process that made it is gone.

    A watcher, the group's leader, reads a pipe that only the parent holds open. Linux's `PR_SET_PDEATHSIG` would also
    fire when the *thread* that started a child ends, and macOS has nothing like it.
    """

    def __init__(self, *, ending: signal.Signals = signal.SIGKILL) -> None:
        reader, self._writer = os.pipe()
        try:
            self._watcher = subprocess.Popen(  # noqa: S603 - our own program
                ["/bin/sh", "-c", _WATCH, "lifeline", ending.name.removeprefix("SIG")],
                stdin=reader,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
        except BaseException:
            os.close(self._writer)
            raise
        finally:
            os.close(reader)

    @property
    def group(self) -> int:
        """The group that children join, as `subprocess` takes it in `process_group`."""
        return self._watcher.pid

    def cut(self) -> None:
        """Signals what is left of the group, and returns when the watcher is gone. May be called again."""
        if self._writer < 0:
            return
        os.close(self._writer)
        self._writer = -1
        try:
            self._watcher.wait(timeout=2)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.group, signal.SIGKILL)
            self._watcher.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
