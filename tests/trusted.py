"""A caller with full access, for tests that do not concern access."""

from __future__ import annotations

from functools import partial
from inspect import signature
from typing import Any

from eventstore.access import FULL

__all__ = ["Trusted"]


class Trusted:
    """Several use cases as one object, whose methods are called with full access."""

    def __init__(self, *use_cases: object) -> None:
        self._use_cases = use_cases

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the use case has
        for use_case in self._use_cases:
            if hasattr(use_case, name):
                method = getattr(use_case, name)
                return partial(method, access=FULL) if "access" in signature(method).parameters else method
        raise AttributeError(name)
