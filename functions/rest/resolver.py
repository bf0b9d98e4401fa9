"""The resolver of routes, for several threads: the server handles requests side by side, each in its own thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent
    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["ThreadedResolver"]


class _Current(threading.local):
    """What a thread handles.

    Attributes:
        event: The event.
        lambda_context: The context of the call.
        values: What Powertools keeps during a call.
    """

    event: BaseProxyEvent
    lambda_context: LambdaContext

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}


class ThreadedResolver(APIGatewayRestResolver):
    """A resolver whose current event is that of the thread.

    Powertools keeps the event in a variable of the class `BaseRouter`, where one thread would find that of another: its
    body, and its caller. Routes and the resolver read it through these properties only.
    """

    def __init__(self) -> None:
        self._current = _Current()
        super().__init__()

    @property
    def current_event(self) -> BaseProxyEvent:  # type: ignore[override]  # an attribute there
        """The event that this thread handles."""
        return self._current.event

    @property
    def lambda_context(self) -> LambdaContext:  # type: ignore[override]  # an attribute there
        """The context of the call that this thread handles."""
        return self._current.lambda_context

    @property
    def context(self) -> dict[str, Any]:
        """What Powertools keeps during a call."""
        return self._current.values

    @context.setter
    def context(self, values: dict[str, Any]) -> None:
        self._current.values = values

    def resolve(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Call the route of an event, and return the response."""
        self._current.event = self._to_proxy_event(dict(event))
        self._current.lambda_context = context
        return super().resolve(event, context)
