"""The folder of real input from other projects, which is not part of a clone."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["MATERIAL"]

MATERIAL = Path(os.environ.get("EVENTSTORE_MATERIAL", Path(__file__).parents[2] / "shared" / "material"))
