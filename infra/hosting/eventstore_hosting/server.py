"""aiohttp's server, but for what is no request: the developer gets a line, the client a problem."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from eventstore_hosting.http import bad_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.web_request import BaseRequest

    from eventstore_hosting.keeper import Speaker

__all__ = ["Server"]

# Larger than API Gateway's own limit, so that its answer is given and not the parser's.
_HEADER_LIMIT = 64 * 1024


class Server(web.Server):
    """Hands requests to a coroutine.

    Args:
        serve: Answers a request.
        terminal: Where it is said that bytes are no request.
    """

    def __init__(self, serve: Callable[[BaseRequest], Awaitable[web.StreamResponse]], *, terminal: Speaker) -> None:
        super().__init__(serve, access_log=None)
        self.terminal = terminal

    def __call__(self) -> RequestHandler:
        """A connection."""
        return _Handler(
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,
            max_field_size=_HEADER_LIMIT,
            max_line_size=_HEADER_LIMIT,
            # The gateways decode bodies themselves, and say so if that fails.
            auto_decompress=False,
        )


class _Handler(RequestHandler):
    def __init__(self, manager: Server, **options: Any) -> None:  # noqa: ANN401 - as they come
        super().__init__(manager, **options)
        self._terminal = manager.terminal

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answers what aiohttp could not read; a fault of the stack's own is logged with its traceback, as before."""
        if status != HTTPStatus.BAD_REQUEST or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        reason = " ".join((message or "it cannot be read").split())
        self._terminal.complain(f"400: not an HTTP request: {reason}")
        return bad_request(reason)
