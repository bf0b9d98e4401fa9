"""The version of the API, which `/health` and the OpenAPI document show."""

from __future__ import annotations

__all__ = ["VERSION"]

VERSION = "0.1.0"
