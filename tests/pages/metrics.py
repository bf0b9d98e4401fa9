"""The table of the server's metrics, from the code that counts them."""

from __future__ import annotations

from eventstore_server.metrics.catalogue import ServerMetrics
from tests.pages.tables import replaced

__all__ = ["listed", "names"]


def listed(page: str) -> str:
    """The page with the table of metrics as the code has it."""
    lines = ["| metric | kind | labels | what it is |\n", "| --- | --- | --- | --- |\n"]
    for family in ServerMetrics().families():
        labels = ", ".join(f"`{label}`" for label in family.labels)
        lines.append(f"| `{family.name}` | {family.kind} | {labels} | {family.text} |\n")
    return replaced(page, "Metrics", "".join(lines))


def names() -> set[str]:
    """The names of all series."""
    suffixes = {"histogram": ("_bucket", "_sum", "_count")}
    return {
        family.name + suffix for family in ServerMetrics().families() for suffix in suffixes.get(family.kind, ("",))
    }
