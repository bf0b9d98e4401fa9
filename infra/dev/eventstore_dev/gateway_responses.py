"""The answers that API Gateway gives by itself: what they are, and what an API makes of them.

Rules: API Gateway Developer Guide, "Gateway responses in API Gateway", "Gateway response types" and
"x-amazon-apigateway-gateway-responses object".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from eventstore_dev.template_file import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Failure", "GatewayResponse", "response_to"]

_HEADER = "gatewayresponse.header."
_FROM_REQUEST = "method.request.header."
_JSON = "application/json"
_VARIABLE = re.compile(r"\$context\.(error\.messageString|error\.message|error\.responseType|requestId)\b")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the gateway answers by itself.

    Attributes:
        kind: The type of gateway response, such as `UNAUTHORIZED`.
        status: Unless the API sets another.
        error: What `x-amzn-ErrorType` says.
        message: For the client; None is null.
        member: Under which name the message stands in the body that an API has not changed.
    """

    kind: str
    status: int
    error: str
    message: str | None
    member: str = "message"

    @property
    def body(self) -> bytes:
        """What the client gets from an API that has not changed it."""
        return json.dumps({self.member: self.message}, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """What an API makes of one type.

    Attributes:
        status: Another one than the type's own.
        headers: Each a constant in quotes, or the place of a header in the request.
        template: Of the body, with variables; None leaves the body as it is.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    template: str | None = None

    @classmethod
    def read(cls, declared: Mapping[str, Any], *, at: str) -> Self:
        """Reads one of a definition.

        Raises:
            TemplateError: The local stack does not know what it asks for.
        """
        headers = {}
        for name, value in (declared.get("responseParameters") or {}).items():
            constant = len(str(value)) > 1 and str(value)[0] == str(value)[-1] == "'"
            if not name.startswith(_HEADER) or not (constant or str(value).startswith(_FROM_REQUEST)):
                raise TemplateError(
                    f"{at}: {name} is {value!r}; the local stack knows {_HEADER}NAME, "
                    f"with 'a constant' or {_FROM_REQUEST}NAME"
                )
            headers[name.removeprefix(_HEADER)] = str(value)
        templates = declared.get("responseTemplates") or {}
        if templates.keys() - {_JSON}:
            raise TemplateError(f"{at}: responseTemplates has {', '.join(templates)}; the local stack knows {_JSON}")
        status = declared.get("statusCode")
        return cls(None if status is None else int(status), headers, templates.get(_JSON))

    def body(self, failure: Failure, *, request_id: str) -> bytes:
        """The body: variables are replaced, nothing is evaluated."""
        if self.template is None:
            return failure.body
        values = {
            "error.message": failure.message or "",
            "error.messageString": json.dumps(failure.message),
            "error.responseType": failure.kind,
            "requestId": request_id,
        }
        return _VARIABLE.sub(lambda place: values[place[1]], self.template).encode()

    def headers_of(self, sent: Mapping[str, str]) -> Mapping[str, str]:
        """The headers, some of which may come from the request's; its names are in lower case."""
        found = {name: self._header(value, sent) for name, value in self.headers.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _header(self, value: str, sent: Mapping[str, str]) -> str | None:
        if value.startswith(_FROM_REQUEST):
            return sent.get(value.removeprefix(_FROM_REQUEST).lower())
        return value[1:-1]


def response_to(failure: Failure, responses: Mapping[str, GatewayResponse]) -> GatewayResponse:
    """What the API makes of a failure: by its type, else by the default of its class, else as it is."""
    default = "DEFAULT_4XX" if failure.status < 500 else "DEFAULT_5XX"  # noqa: PLR2004 - the class (RFC 9110, 15)
    return responses.get(failure.kind) or responses.get(default) or GatewayResponse()
