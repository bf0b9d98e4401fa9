"""Which resource of an API a path belongs to.

Rules: API Gateway Developer Guide, "Set up a proxy integration with a proxy resource" and "Set up REST API methods".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eventstore_dev.template import RestApi, Route


@dataclass(frozen=True, slots=True)
class Match:
    """A route, and what its path parameters are in this request: as they came, with their percent-encoding."""

    api: RestApi
    route: Route
    parameters: Mapping[str, str]


class Router:
    """Finds routes: a fixed segment wins over a parameter, a parameter over what is greedy.

    The resource is chosen by its path alone. One that lacks the method is not passed over for a less specific one.
    """

    def __init__(self, apis: Iterable[RestApi]) -> None:
        self._roots: list[tuple[RestApi, _Node]] = []
        for api in apis:
            root = _Node()
            for route in api.routes:
                root.add(_segments(route.path), route)
            self._roots.append((api, root))

    def match(self, method: str, path: str) -> Match | None:
        """The route of a request; `path` is as it came, with its percent-encoding."""
        segments = _segments(path)
        for api, root in self._roots:
            found = root.find(segments)
            if found is not None:
                methods, values = found
                route = methods.get(method) or methods.get("ANY")
                if route is None:
                    return None
                names = [segment.strip("{+}") for segment in _segments(route.path) if segment.startswith("{")]
                return Match(api, route, dict(zip(names, values, strict=True)))
        return None


class _Node:
    """A place in the tree of resources."""

    __slots__ = ("fixed", "greedy", "methods", "parameter")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.greedy: _Node | None = None
        self.methods: dict[str, Route] = {}

    def add(self, segments: list[str], route: Route) -> None:
        node = self
        for segment in segments:
            if segment.endswith("+}"):
                node.greedy = node = node.greedy or _Node()
            elif segment.startswith("{"):
                node.parameter = node = node.parameter or _Node()
            else:
                node = node.fixed.setdefault(segment, _Node())
        node.methods[route.method] = route

    def find(self, segments: list[str]) -> tuple[dict[str, Route], list[str]] | None:
        if not segments:
            return (self.methods, []) if self.methods else None
        head, rest = segments[0], segments[1:]
        if head in self.fixed and (found := self.fixed[head].find(rest)):
            return found
        if self.parameter is not None and head and (found := self.parameter.find(rest)):
            return found[0], [head, *found[1]]
        if self.greedy is not None and "/".join(segments):
            return self.greedy.methods, ["/".join(segments)]
        return None


def _segments(path: str) -> list[str]:
    trimmed = path.strip("/")
    return trimmed.split("/") if trimmed else []
