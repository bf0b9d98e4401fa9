"""A function that is called by the API of Lambda, with the payload of a FIFO queue (docs/rules.md, "Lambda")."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

from tests.transcripts.bindings import Answer, Mishap, Request, reason_in
from tests.transcripts.calls import Reply
from tests.transcripts.content import where

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from tests.transcripts.transcript import Json

__all__ = ["LambdaBinding"]

_REPORT = "batchItemFailures"
_FAILING = 0.4
"""The share of calls with events that fail in which the function fails as a whole."""


class LambdaBinding:
    """See `tests.transcripts.bindings.Binding`. The hub has to find the API of Lambda at the URL of the target."""

    name = "function-rule"
    batch = 10

    def definition(self, url: str) -> Json:  # noqa: ARG002 - the variable of the hub has it
        return {"lambda": "soak-target", "batch": self.batch}

    def read(self, headers: Mapping[str, str], body: bytes) -> Request:  # noqa: ARG002 - all is in the body
        records = json.loads(body)["Records"]
        attempt = int(records[0]["attributes"]["ApproximateReceiveCount"])
        return Request([json.loads(record["body"]) for record in records], attempt)

    def unable(self, mishap: Mishap, number: int, random: Random) -> Answer:
        reason = reason_in(number)
        match mishap:
            case Mishap.THROTTLED:
                headers = random.choice(({}, {"Retry-After": "1"}))
                refused = _error(429, "TooManyRequestsException", reason, headers)
                return Answer(Reply.THROTTLED, refused, reason)
            case Mishap.UNAVAILABLE:
                status, code = random.choice(((404, "ResourceNotFoundException"), (500, "ServiceException")))
                return Answer(Reply.UNAVAILABLE, _error(status, code, reason), reason)
            case Mishap.ERROR:
                body = {"errorType": "SoakError", "errorMessage": reason}
                failure = _answer(json.dumps(body), {"X-Amz-Function-Error": "Unhandled"})
                return Answer(Reply.FAILED, failure, f"SoakError: {reason}")
            case _:
                return Answer(Reply.FAILED, _answer(random.choice(_nonsense(reason))), reason)

    def finished(self, events: Sequence[Json], failed: Sequence[int], number: int, random: Random) -> Answer:
        if not failed:
            text = random.choice(("null", "{}", json.dumps({_REPORT: []})))
            return Answer(Reply.HANDLED, _answer(text))
        if random.random() < _FAILING:
            return self.unable(Mishap.ERROR, number, random)
        reported = set(failed)
        if random.random() < 0.5:
            # Some functions report the events behind a failure too.
            first = {events[index]["hubstream"]: index for index in failed}
            reported = {i for i, event in enumerate(events) if i >= first.get(event["hubstream"], len(events))}
        names = [{"itemIdentifier": "{}/{}".format(*where(events[index]))} for index in sorted(reported)]
        return Answer(Reply.HANDLED, _answer(json.dumps({_REPORT: names})), _REPORT, frozenset(reported))


def _nonsense(reason: str) -> Sequence[str]:
    unknown = {_REPORT: [{"itemIdentifier": reason}]}
    return (json.dumps(reason), f"<{reason}>", json.dumps(unknown), json.dumps({_REPORT: [{"id": reason}]}))


def _answer(text: str, headers: Mapping[str, str] | None = None, status: int = 200) -> web.Response:
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)


def _error(status: int, code: str, reason: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body = json.dumps({"Type": "User", "Message": reason, "message": reason})
    return _answer(body, {"x-amzn-ErrorType": code, **(headers or {})}, status)
