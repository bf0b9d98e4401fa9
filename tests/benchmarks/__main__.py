"""`python -m tests.benchmarks [SUBJECT...]`: measures, and says what came of it; a run of all writes the document."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from tests.benchmarks import appending, imports, loading, memory, peers, reading, stack
from tests.benchmarks.document import PLACE, document
from tests.benchmarks.measure import Figure, NotMeasured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_SUBJECTS: Mapping[str, tuple[str, Callable[[], Iterable[Figure | NotMeasured]]]] = {
    "appending": ("Appending, through the `Log` port", appending.figures),
    "reading": ("Reading, through the `Log` port", reading.figures),
    "memory": ("Memory", memory.figures),
    "peers": ("Other stores, one event after the other", peers.figures),
    "stack": ("A request through the local stack", stack.figures),
    "imports": ("Cold start", imports.figures),
    "loading": ("Real histories, through the loader and the local stack", loading.figures),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the subjects named, or all.

    Returns:
        1 if an aim is not held.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"any of: {', '.join(_SUBJECTS)}")
    named = parser.parse_args(arguments).subjects
    if unknown := set(named) - set(_SUBJECTS):
        parser.error(f"no such subject: {', '.join(sorted(unknown))}; there are {', '.join(_SUBJECTS)}")
    began = time.monotonic()
    sections = {}
    for name in named or _SUBJECTS:
        title, figures = _SUBJECTS[name]
        sections[title] = [_printed(figure) for figure in figures()]
    if not named:
        PLACE.parent.mkdir(exist_ok=True)
        PLACE.write_text(document(sections), encoding="utf-8")
        print(f"Written to docs/{PLACE.name} after {time.monotonic() - began:.0f} s.")
    missed = [f for found in sections.values() for f in found if isinstance(f, Figure) and f.missed]
    return 1 if missed else 0


def _printed(figure: Figure | NotMeasured) -> Figure | NotMeasured:
    if isinstance(figure, NotMeasured):
        print(f"{figure.what}: not measured, {figure.reason}", flush=True)
    else:
        aim = f"  (aim {figure.aimed_at}: {figure.verdict})" if figure.aim else ""
        print(f"{figure.what}: {figure.told}{aim}", flush=True)
    return figure


if __name__ == "__main__":
    sys.exit(main())
