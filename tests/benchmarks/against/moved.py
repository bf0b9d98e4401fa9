"""Modules and calls of the hub that benchmarks use, with their names in older commits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MOVED", "as_in"]

MOVED = {
    "eventstore.adapters.redis.connection": "eventstore.adapters.redis_connection",
    "eventstore.adapters.redis.durables": "eventstore.adapters.redis_durables",
    "eventstore.adapters.redis.log": "eventstore.adapters.redis_log",
    "eventstore.adapters.redis.registry": "eventstore.adapters.redis_registry",
    "eventstore.adapters.redis.turns": "eventstore.adapters.redis_turns",
    "eventstore.cloudevents.event": "eventstore.events",
    "eventstore.frames.frame": "eventstore.frames",
    "eventstore.live.catch_up": "eventstore.carrying",
    "eventstore.live.dispatch": "eventstore.dispatch",
    "eventstore.read.pages": "eventstore.reading",
    "eventstore.read.selection": "eventstore.selections",
    "eventstore_client.cli.loader": "eventstore_client.loader",
    "eventstore_client.cli.sources": "eventstore_client.sources",
    "eventstore_hosting.valkey": "eventstore_dev.valkey",
}
"""The current and the former name of a module."""

_WORDS = {
    ("ports/durables.py", "def enqueue("): {"durables.enqueue(": "durables.tell("},
    ("ports/queues.py", "class DispatchQueue("): {"FakeDispatchQueue": "FakeBells", "dispatch_queue=": "bells="},
}
"""A current member of a port, and its replacements for a tree whose port lacks it."""

_SOURCES = ("layers/eventstore", "layers/client", "infra/hosting", "infra/dev")


def as_in(tree: Path, text: str) -> str:
    """The text of a benchmark, with the module names of the tree."""
    older = {now: then for now, then in MOVED.items() if _has(tree, then) and not _has(tree, now)}
    for (module, sign), words in _WORDS.items():
        port = tree / "layers/eventstore/eventstore" / module
        if port.is_file() and sign not in port.read_text():
            for now, then in words.items():
                text = text.replace(now, then)
    if not older:
        return text
    return re.sub(rf"\b({'|'.join(map(re.escape, older))})\b", lambda match: older[match[1]], text)


def _has(tree: Path, module: str) -> bool:
    path = module.replace(".", "/")
    return any(
        (tree / folder / name).is_file() for folder in _SOURCES for name in (f"{path}.py", f"{path}/__init__.py")
    )
