"""The service that an unsigned request is for, where it is clearly the call of an AWS client.

Clients sign nothing when they are told so, and before they have credentials: they get them from STS and Cognito by
unsigned calls.

Rules: Smithy, "AWS JSON 1.0 protocol", "AWS JSON 1.1 protocol" and "AWS Query protocol".
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from eventstore_dev.aws_names import ACCOUNT, REGION
from eventstore_dev.service_models import model_of_form, model_of_target
from eventstore_dev.signatures import Scope, signed_for
from eventstore_hosting.http import peek_body

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["unsigned_call"]

_TARGET = "X-Amz-Target"
# A prefix of the service's own, a dot, and the operation.
_OPERATION = re.compile(r"([\w.-]{1,100})\.\w{1,100}", re.ASCII)
_JSON = ("application/x-amz-json-1.0", "application/x-amz-json-1.1")
_FORM = "application/x-www-form-urlencoded"
_CLOUDEVENTS = "application/cloudevents"
# Every service has its operations at the root, SQS in the past at the queue's URL too.
_ROOT, _QUEUES = "/", f"/{ACCOUNT}/"
# Of SNS and SQS, whose messages are the largest parameters of any form.
_FORM_LIMIT = 4 * 1024 * 1024


async def unsigned_call(request: web.BaseRequest) -> Scope | None:
    """Return what an unsigned request is for; None if it may be one for a route of the template.

    An event in the binary mode of CloudEvents may be of any content type, and is never taken for a call.

    Raises:
        RequestError: Its body did not come whole.
    """
    if request.method != "POST" or signed_for(request) is not None or _is_event(request):
        return None
    path = request.raw_path.partition("?")[0]
    if _TARGET in request.headers:
        service = await _of_target(request) if path == _ROOT else None
    elif request.content_type == _FORM and (path == _ROOT or path.startswith(_QUEUES)):
        service = await _of_form(request)
    else:
        service = None
    return None if service is None else Scope(service, REGION)


def _is_event(request: web.BaseRequest) -> bool:
    return "ce-specversion" in request.headers or request.content_type.startswith(_CLOUDEVENTS)


async def _of_target(request: web.BaseRequest) -> str | None:
    target = _OPERATION.fullmatch(request.headers[_TARGET])
    if target is None:
        return None
    model = await asyncio.to_thread(model_of_target, target[0])
    if model is not None:
        return model.service
    # A prefix that botocore does not know may be the client's own word, but the content type is AWS's.
    return target[1].lower() if request.content_type in _JSON else None


async def _of_form(request: web.BaseRequest) -> str | None:
    body = await peek_body(request, limit=_FORM_LIMIT)
    if body is None or b"Action=" not in body:
        return None
    form = parse_qs(body.decode("ascii", errors="replace"))
    if len(form.get("Action", ())) != 1 or len(form.get("Version", ())) != 1:
        return None
    model = await asyncio.to_thread(model_of_form, form["Action"][0], form["Version"][0])
    return None if model is None else model.service
