"""Services of AWS that the stack does not emulate itself: moto answers their calls, or they are refused by name.

moto is imported in a thread, when the first call comes. What it keeps is of the whole process.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from aiohttp import web

from eventstore_dev.invocation import new_request_id
from eventstore_dev.service_models import model_of_target
from eventstore_hosting.http import HOP_BY_HOP, read_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_dev.addresses import Addresses
    from eventstore_dev.signatures import Scope
    from eventstore_dev.terminal import Terminal

__all__ = ["AwsServices"]

# Of S3, whose other services have far less.
_BODY_LIMIT = 64 * 1024 * 1024
# Where a service's host does not begin with the name that its requests are signed for.
_HOSTS = {"eventbridge": "events", "iotdata": "data.iot", "mobiletargeting": "pinpoint"}
# Services that answer in XML, other than those whose parameters are a form.
_XML = frozenset({"cloudfront", "route53", "s3"})
_FORM = "application/x-www-form-urlencoded"


class AwsServices:
    """Answers calls of a service which is neither SQS nor Lambda nor an API of the template.

    Args:
        addresses: Tells whether the developer has these services at another endpoint.
        terminal: Where a refused call is named.
    """

    def __init__(self, *, addresses: Addresses, terminal: Terminal) -> None:
        # One thread: moto is asked one question at a time.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="eventstore-dev-services")
        self._addresses = addresses
        self._terminal = terminal

    async def serve(self, request: web.BaseRequest, scope: Scope) -> web.Response:
        """Answer a request of an AWS client, and never by a route of the template."""
        try:
            response = await self._answer(request, scope)
        except _RefusalError as refusal:
            self._terminal.complain(f"{refusal.status}: {refusal}")
            response = refusal.response(xml=_answers_in_xml(request, scope.service))
        response.headers["x-amzn-RequestId"] = new_request_id()
        return response

    def stop(self) -> None:
        """Answer no more calls."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, request: web.BaseRequest, scope: Scope) -> web.Response:
        if self._addresses.elsewhere:
            raise _RefusalError(
                421,
                "MisdirectedRequest",
                f"{_call(request, scope)}: AWS_ENDPOINT_URL, {self._addresses.elsewhere}, has it",
            )
        body = await read_body(request, limit=_BODY_LIMIT)
        if body is None:
            raise _RefusalError(413, "RequestTooLarge", f"A request must be smaller than {_BODY_LIMIT} bytes")
        host = await asyncio.to_thread(_host, request, scope)
        url = f"https://{host}{request.raw_path}"
        kept = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        headers = {**kept, "Host": host}
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._thread, _ask_moto, request.method, url, headers, body)
        except NotImplementedError as error:
            raise _RefusalError(
                501, "UnsupportedOperation", f"{_call(request, scope)}: moto does not have this operation ({error})"
            ) from error
        except ImportError as error:
            raise _RefusalError(
                501, "UnsupportedOperation", f"{_call(request, scope)}: moto needs a package for it: {error}"
            ) from error
        if answer is None:
            raise _RefusalError(
                501,
                "UnsupportedOperation",
                f"{_call(request, scope)}: the local stack has no such service, and moto has none",
            )
        return answer


class _RefusalError(Exception):
    """A call that is not answered; the message names the service."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def response(self, *, xml: bool) -> web.Response:
        if xml:
            error = f"<Code>{self.code}</Code><Message>{escape(str(self))}</Message>"
            body = f"<ErrorResponse><Error>{error}</Error></ErrorResponse>"
            return web.Response(status=self.status, text=body, content_type="text/xml")
        told = {"__type": self.code, "message": str(self), "Message": str(self)}
        return web.Response(
            status=self.status,
            body=json.dumps(told).encode(),
            content_type="application/x-amz-json-1.0",
            headers={"x-amzn-ErrorType": self.code},
        )


def _call(request: web.BaseRequest, scope: Scope) -> str:
    """Name a call for the developer: the service, and the operation where a header has it."""
    operation = request.headers.get("X-Amz-Target") or f"{request.method} {request.raw_path.partition('?')[0]}"
    return f"{scope.service} ({operation[:100]})"


def _host(request: web.BaseRequest, scope: Scope) -> str:
    """Return the host that the service has on AWS, by which moto knows it."""
    # Several services may be signed for by one name, such as DynamoDB and its streams.
    model = model_of_target(request.headers.get("X-Amz-Target", ""))
    name = model.endpoint if model is not None else _HOSTS.get(scope.service, scope.service)
    # Clients may write a bucket in front of a host that is a name: bucket.localhost.
    bucket, dot, here = request.headers.get("Host", "").partition(":")[0].rpartition(".")
    if scope.service == "s3" and dot and here == "localhost":
        name = f"{bucket}.{name}"
    return f"{name}.{scope.region}.amazonaws.com"


def _answers_in_xml(request: web.BaseRequest, service: str) -> bool:
    return service in _XML or request.headers.get("Content-Type", "").startswith(_FORM)


def _ask_moto(method: str, url: str, headers: Mapping[str, str], body: bytes) -> web.Response | None:
    """Return moto's answer; None if it has no such service.

    Raises:
        NotImplementedError: It has the service, without the operation.
        ImportError: The service needs a package that is not installed.
    """
    # A second of imports, for those only whose functions call other services.
    from botocore.awsrequest import AWSPreparedRequest  # noqa: PLC0415 - as said
    from botocore.compat import HTTPHeaders  # noqa: PLC0415 - as said
    from moto.backends import get_service_from_url  # noqa: PLC0415 - as said
    from moto.core.botocore_stubber import BotocoreStubber  # noqa: PLC0415 - as said

    if get_service_from_url(url.partition("?")[0]) is None:
        return None
    asked = AWSPreparedRequest(method, url, HTTPHeaders.from_dict(headers), body, stream_output=False)
    answer = BotocoreStubber().process_request(asked)
    if answer is None:
        return None
    status, answered, content = answer
    kept = {
        name: str(value)
        for name, value in answered.items()
        if name.lower() not in {*HOP_BY_HOP, "content-length", "date", "server"}
    }
    return web.Response(status=status, headers=kept, body=content.encode() if isinstance(content, str) else content)
