"""A caller who may do everything, for tests in which access is no matter."""

from __future__ import annotations

from functools import partial
from inspect import signature
from typing import Any

from eventstore.access import FULL

__all__ = ["Trusted"]


class Trusted:
    """Use cases as one; whatever is asked of them is asked with full access."""

    def __init__(self, *use_cases: object) -> None:
        self._use_cases = use_cases

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the use case has
        for use_case in self._use_cases:
            if hasattr(use_case, name):
                found = getattr(use_case, name)
                return partial(found, access=FULL) if "access" in signature(found).parameters else found
        raise AttributeError(name)
