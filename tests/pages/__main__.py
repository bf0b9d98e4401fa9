"""Recomputes the tables of docs/operations after a change of a price, an assumption in costs.md, or a metric."""

from __future__ import annotations

from pathlib import Path

from tests.pages.capacity import planned
from tests.pages.costs import reckoned
from tests.pages.metrics import listed
from tests.pages.tables import numbers

folder = Path(__file__).parents[2] / "docs/operations"
costs, capacity, server = folder / "costs.md", folder / "capacity.md", folder / "server.md"
server.write_text(listed(server.read_text()))
costs.write_text(reckoned(costs.read_text()))
capacity.write_text(planned(capacity.read_text(), numbers(costs.read_text(), "Assumptions")))
