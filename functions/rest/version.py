"""The version of the API, as `/health` and the OpenAPI document name it."""

from __future__ import annotations

__all__ = ["VERSION"]

VERSION = "0.1.0"
