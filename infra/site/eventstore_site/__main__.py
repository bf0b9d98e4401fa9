"""Makes the pages of the site, and checks the site that was built of them.

`python -m eventstore_site write FOLDER` writes the pages and the configuration; with `check` in place of `write`, the
HTML in the folder is checked.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import eventstore_client
from eventstore_client.cli.arguments import parser as command_line
from eventstore_client.cli.parsers import Parser
from eventstore_site.built import BuiltSite
from eventstore_site.command_line_reference import command_line_reference
from eventstore_site.pages import BrokenLink, Pages
from eventstore_site.python_reference import python_reference
from eventstore_site.rest_reference import rest_reference
from eventstore_site.websocket_reference import websocket_reference
from functions.rest import asyncapi, openapi

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOT = Path(__file__).parents[3]
_CONFIGURATION = _ROOT / "infra/site/zensical.toml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m eventstore_site", description=__doc__)
    parser.add_argument("command", choices=["write", "check"])
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    return _write(options.folder) if options.command == "write" else _check(options.folder)


def _write(folder: Path) -> int:
    """Write the pages, without those of an earlier time, and the configuration beside them."""
    pages = Pages(_ROOT)
    try:
        texts = {**pages.texts(), **_references()}
    except BrokenLink as error:
        print(error, file=sys.stderr)
        return 1
    shutil.rmtree(folder / "pages", ignore_errors=True)
    for name, text in texts.items():
        path = folder / "pages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, picture in pages.pictures().items():
        (folder / "pages" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, folder / "pages" / name)
    shutil.copy(_CONFIGURATION, folder)
    return 0


def _check(folder: Path) -> int:
    faults = list(BuiltSite(folder / "html").faults())
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def _references() -> dict[str, str]:
    """The pages that are made from the code, by their path on the site."""
    rest, websocket = openapi.document(server="/"), asyncapi.document()
    root = command_line()
    assert isinstance(root, Parser)  # noqa: S101 - which knows the parsers of its commands
    return {
        "reference/python.md": python_reference(eventstore_client),
        "reference/command-line.md": command_line_reference(root, root.leaves()),
        "reference/rest.md": rest_reference(json.loads(json.dumps(rest))),
        "reference/openapi.json": json.dumps(rest, indent=2),
        "reference/websocket.md": websocket_reference(json.loads(json.dumps(websocket))),
        "reference/asyncapi.json": json.dumps(websocket, indent=2),
    }


if __name__ == "__main__":
    raise SystemExit(main())
