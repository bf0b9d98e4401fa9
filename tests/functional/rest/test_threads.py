"""Requests side by side, as the server handles them: none is taken for another."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from functions.rest.resolver import ThreadedResolver

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SECONDS = 30


def event(method: str, path: str, body: str) -> dict[str, Any]:
    return {
        "httpMethod": method,
        "path": path,
        "body": body,
        "headers": {},
        "multiValueHeaders": {},
        "requestContext": {},
    }


def test_a_request_that_another_one_overtakes_keeps_its_event_and_its_caller() -> None:
    entered, overtaken = threading.Event(), threading.Event()
    router, resolver = Router(), ThreadedResolver()

    @router.post("/slow")
    def slow() -> Response[str]:
        entered.set()
        assert overtaken.wait(SECONDS)
        return Response(200, "text/plain", f"{router.current_event.body} by {router.lambda_context}")

    @router.get("/fast/<name>")
    def fast(name: str) -> Response[str]:
        return Response(200, "text/plain", f"{name}, {router.current_event.body} by {router.lambda_context}")

    resolver.include_router(router)

    def resolve(request: dict[str, Any], caller: str) -> str:
        answer = resolver.resolve(request, cast("LambdaContext", caller))
        assert answer["statusCode"] == 200
        return str(answer["body"])

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(resolve, event("POST", "/slow", "first"), "the first caller")
        assert entered.wait(SECONDS)
        assert resolve(event("GET", "/fast/me", "second"), "the second") == "me, second by the second"
        overtaken.set()
        assert first.result(SECONDS) == "first by the first caller"


def test_many_requests_are_each_answered_with_their_own_event() -> None:
    router, resolver = Router(), ThreadedResolver()

    @router.post("/echo/<name>")
    def echo(name: str) -> Response[str]:
        return Response(200, "application/json", json.dumps([name, router.current_event.body]))

    resolver.include_router(router)

    def ask(number: int) -> bool:
        answer = resolver.resolve(event("POST", f"/echo/{number}", f"body {number}"), cast("LambdaContext", None))
        return json.loads(answer["body"]) == [str(number), f"body {number}"]

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(ask, range(2000)))
