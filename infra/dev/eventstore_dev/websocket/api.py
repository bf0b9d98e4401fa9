"""A WebSocket API as it would be deployed: its routes, and which of them a message is for.

Rules: API Gateway Developer Guide, "WebSocket route selection expressions".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore_dev.aws_names import websocket_url
from eventstore_dev.template_file import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECT, DISCONNECT, DEFAULT = PREDEFINED = ("$connect", "$disconnect", "$default")
_SELECTION = re.compile(r"\$(?:request\.body\.([\w.-]+)|\{request\.body\.([\w.-]+)\})")
_LEAST_MS, _MOST_MS = 50, 29_000


@dataclass(frozen=True, slots=True)
class WebSocketRoute:
    """What a message, or a connection's beginning or end, leads to.

    Attributes:
        function: The logical id of the function behind it.
        seconds: Its `IntegrationTimeout`, if the template has it.
        answers: Whether it has a route response, so that what the function returns goes to the client.
    """

    key: str
    function: str
    seconds: float | None = None
    answers: bool = False


@dataclass(frozen=True, slots=True)
class WebSocketApi:
    """An API of API Gateway's WebSocket kind.

    Attributes:
        selection: Where in a JSON message the key of its route stands, one name a level.
        routes: By key.
        authorizer: The logical id of the function that is asked who may connect, if there is one.
    """

    name: str
    stage: str
    selection: tuple[str, ...]
    routes: Mapping[str, WebSocketRoute]
    authorizer: str | None = None

    @property
    def aws_url(self) -> str:
        """Where it would be deployed."""
        return websocket_url(self.name, self.stage)

    def select(self, message: str) -> WebSocketRoute | None:
        """The route of a message: what it names itself, else `$default`, else none."""
        try:
            found: object = json.loads(message)
        except (ValueError, RecursionError):
            found = None
        for name in self.selection:
            found = found.get(name) if isinstance(found, dict) else None
        # The predefined routes are not the client's to name.
        named = self.routes.get(found) if isinstance(found, str) and found not in PREDEFINED else None
        return named or self.routes.get(DEFAULT)


def selection(expression: str, *, at: str) -> tuple[str, ...]:
    """Where a `RouteSelectionExpression` looks.

    Raises:
        TemplateError: The local stack does not know its form.
    """
    found = _SELECTION.fullmatch(expression)
    if found is None:
        raise TemplateError(
            f"{at}.RouteSelectionExpression is {expression!r}; the local stack knows $request.body.NAME, which may "
            "have dots"
        )
    return tuple((found[1] or found[2]).split("."))


def seconds(milliseconds: object, *, at: str) -> float | None:
    """The time that an integration has, if the template says it.

    Raises:
        TemplateError: API Gateway does not allow it.
    """
    if milliseconds is None:
        return None
    if not _LEAST_MS <= int(str(milliseconds)) <= _MOST_MS:
        raise TemplateError(f"{at} is {milliseconds}; it must be {_LEAST_MS} to {_MOST_MS} milliseconds")
    return int(str(milliseconds)) / 1000
