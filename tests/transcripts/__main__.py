"""`python -m tests.transcripts FILE`: checks a recorded transcript, and prints the first violation."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.transcripts.checker import violations
from tests.transcripts.recording import Unreadable, read

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one file.

    Returns:
        0 if every promise was kept, 1 if one was broken, 2 if the file is no transcript.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.transcripts")
    parser.add_argument("file", type=Path, help="a transcript, as JSON lines")
    path: Path = parser.parse_args(arguments).file
    try:
        with path.open(encoding="utf-8") as lines:
            transcript = read(lines)
    except (OSError, Unreadable) as error:
        print(f"{path} cannot be read: {error}", file=sys.stderr)
        return 2
    broken = violations(transcript)
    if broken:
        print(f"{broken[0]}\n  seed {transcript.seed}; {len(broken)} violations in all")
        return 1
    sessions = sum(len(subscriber.sessions) for subscriber in transcript.subscribers)
    print(f"Every promise was kept: {len(transcript.publishes)} publishes, {len(transcript.streams)} streams, ", end="")
    members = sum(len(group.members) for group in transcript.groups)
    calls = sum(len(group.target.calls) for group in transcript.groups if group.target is not None)
    print(f"{len(transcript.subscribers)} subscribers in {sessions} sessions, {members} members, ", end="")
    print(f"{calls} calls of targets; seed {transcript.seed}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
