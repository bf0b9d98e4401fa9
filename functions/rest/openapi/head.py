"""HEAD, which every path takes that takes GET (RFC 9110, 9.3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["with_head"]


def with_head(paths: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    """The calls, and for each GET its HEAD: the same status and headers, and no content."""
    return {path: {**item, "head": _head(item["get"])} if "get" in item else item for path, item in paths.items()}


def _head(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(operation["operationId"])
    return {
        **operation,
        "operationId": f"head{name[0].upper()}{name[1:]}",
        "summary": f"{operation['summary']}: headers alone",
        "responses": {status: _without_content(answer) for status, answer in operation["responses"].items()},
    }


def _without_content(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in answer:
        return {"description": "As GET answers, without content."}
    return {name: value for name, value in answer.items() if name != "content"}
