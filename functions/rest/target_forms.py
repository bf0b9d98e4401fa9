"""The forms of what names a target: functions, queues, URLs, event buses, secrets and headers.

The core decides where a URL may lead and which headers may be added (`target_urls`, `target_headers`), when a target is
defined and at every call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import no_info_after_validator_function

from eventstore.durable.target_headers import MAX_HEADERS, NAME_PATTERN, VALUE_PATTERN, check_headers
from eventstore.errors import InvalidTarget
from functions.rest.subscription_answers import HIDDEN

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["Bus", "Function", "HeaderName", "Headers", "Queue", "Secret", "Url", "broken_rule"]

_FUNCTION = (
    r"(arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:)?[A-Za-z0-9_-]{1,64}(:(\$LATEST|[A-Za-z0-9_-]{1,128}))?"
)
_QUEUE = r"https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?/[0-9]{12}/[A-Za-z0-9_-]{1,80}(\.fifo)?"
_BUS = "(arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?[A-Za-z0-9._/-]{1,256}"
_NAMED_SECRET = "(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:)?[A-Za-z0-9/_+=.@-]{1,512}"  # noqa: S105 - a pattern
# No userinfo, no fragment, and nothing that two parsers could read as two hosts (RFC 3986).
_URL = (
    r"(https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|http://(localhost|127\.0\.0\.1))(:[0-9]{1,5})?"
    r"([/?][A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]*)?"
)


def broken_rule(reason: str) -> PydanticCustomError:
    """Return an error for pydantic, which the problem repeats."""
    return PydanticCustomError("rule", "{reason}", {"reason": reason})


@dataclass(frozen=True, slots=True)
class _Form:
    """The form of a text, for pydantic.

    Attributes:
        pattern: What the whole text matches; JSON Schema and Python read it alike.
        reason: What an error says of another text.
    """

    pattern: str
    reason: str

    def checked(self, value: str) -> str:
        """Return the text, or raise an error that repeats the reason."""
        if re.fullmatch(self.pattern, value) is None:
            raise broken_rule(self.reason)
        return value

    def __get_pydantic_core_schema__(self, source: type[str], handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self.checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^({self.pattern})$"}


def _sent(value: str) -> str:
    if value == HIDDEN:
        raise broken_rule(f"{HIDDEN!r} stands for a value that is not shown; send the value itself")
    return value


def _sendable(headers: dict[str, str]) -> dict[str, str]:
    try:
        check_headers(tuple(headers.items()))
    except InvalidTarget as error:
        raise broken_rule(error.detail) from None
    return headers


Function = Annotated[
    str,
    Field(
        max_length=300,
        description="The name or ARN of a Lambda function, with an alias or version if needed.",
        examples=["arn:aws:lambda:eu-west-1:123456789012:function:flunq-billing"],
    ),
    _Form(_FUNCTION, "must be the name or ARN of a function, such as billing or billing:live"),
]
Queue = Annotated[
    str,
    Field(
        max_length=300,
        description="The URL of an SQS queue.",
        examples=["https://sqs.eu-west-1.amazonaws.com/123456789012/flunq-billing.fifo"],
    ),
    _Form(_QUEUE, "must be the URL of a queue, such as https://sqs.eu-west-1.amazonaws.com/123456789012/billing"),
]
Url = Annotated[
    str,
    Field(
        max_length=2048,
        description="A URL of the scheme https; `http` for this machine only, where the hub runs on it.",
        examples=["https://hooks.example.com/orders"],
    ),
    _Form(_URL, "must be a URL such as https://hooks.example.com/orders, without credentials and fragment"),
]
Bus = Annotated[
    str,
    Field(
        max_length=512,
        description="The name or ARN of an EventBridge event bus.",
        examples=["flunq-orders"],
    ),
    _Form(_BUS, "must be the name or ARN of an event bus, such as default"),
]
Secret = Annotated[
    str,
    Field(
        max_length=700,
        description="The name or ARN of the secret, in Secrets Manager, that requests are signed with.",
        examples=["flunq/hooks"],
    ),
    _Form(_NAMED_SECRET, "must be the name or ARN of a secret, such as flunq/hooks"),
]
HeaderName = Annotated[str, _Form(NAME_PATTERN, "must be the name of a header: 1 to 100 characters of RFC 9110, 5.6.2")]
HeaderValue = Annotated[
    str,
    Field(max_length=2048),
    _Form(VALUE_PATTERN, "must be the value of a header: printable ASCII that neither begins nor ends with a space"),
    AfterValidator(_sent),
]
Headers = Annotated[
    dict[HeaderName, HeaderValue],
    Field(
        max_length=MAX_HEADERS,
        description="Sent with every request. Answers show their values as `***`.",
        examples=[{"Authorization": "Bearer 0123"}],
    ),
    AfterValidator(_sendable),
]
