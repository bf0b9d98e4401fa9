"""What a page of instructions tells its reader to do, in order.

- A block of code without a language is typed into a terminal. If the text before it names a terminal that is opened, or
  ends with "in another terminal", the command runs there until it is stopped.
- A block with a language is a file if the text before it ends with "Create `NAME`:", and a part of a program otherwise.
- A block of `text` is the output of the last command, or of the program in another terminal that the text before it
  names; `…` stands for any text.
- "Stop `NAME` with Ctrl-C" stops such a program.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Step", "steps"]

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_STOP = re.compile(r"Stop `([^`]+)` with Ctrl-C")
_ELSEWHERE = re.compile(r"Open a \w+ terminal in `|in another terminal", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the reader does, or sees.

    Attributes:
        kind: `command`; `service`, a command in another terminal; `file`; `part` of a program; `output`; `stop`.
        text: The command, the content of the file, the output, or the name of the program that is stopped.
        name: The name of the file, or of the program in another terminal that prints the output, which is empty for the
            last command; the language of a part.
    """

    kind: Literal["command", "service", "file", "part", "output", "stop"]
    text: str
    name: str = ""


def steps(page: str) -> Iterator[Step]:
    """Yield the steps of a page."""
    position = 0
    for block in _BLOCK.finditer(page):
        prose = page[position : block.start()]
        position = block.end()
        yield from (Step("stop", name) for name in _STOP.findall(prose))
        before = prose.rstrip().rpartition("\n\n")[2]
        yield _step(block["language"], block["text"], before)
    yield from (Step("stop", name) for name in _STOP.findall(page[position:]))


def _step(language: str, text: str, before: str) -> Step:
    if language == "":
        return Step("service" if _ELSEWHERE.search(before) and "make" not in text else "command", text)
    if language == "text":
        printing = re.search(r"`([^`]+)` prints:$", before)
        return Step("output", text, printing[1] if printing else "")
    created = re.search(r"Create\s`([^`]+)`:$", before)
    return Step("file", text, created[1]) if created else Step("part", text, language)
