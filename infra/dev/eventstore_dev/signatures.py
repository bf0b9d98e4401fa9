"""The service that a signed request is for.

Rules: IAM User Guide, "AWS Signature Version 4 for API requests", "Elements of an AWS API request signature".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from eventstore_dev.aws_names import REGION

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["Scope", "signed_for"]

_HEADER = re.compile(r"AWS4-[A-Z0-9-]+\s.*?\bCredential=([^,\s]+)")
_PARAMETER = "X-Amz-Credential"
_END = "aws4_request"


@dataclass(frozen=True, slots=True)
class Scope:
    """The service of AWS that a request is for, as the scope of its signature has it.

    Attributes:
        service: By its signing name, such as `dynamodb`; `execute-api` is an API of API Gateway.
        region: The region of this stack where the signature is for all regions (AWS4-ECDSA), or there is none.
    """

    service: str
    region: str


def signed_for(request: web.BaseRequest) -> Scope | None:
    """Return the scope of a request's signature, from `Authorization` or the query; None if it has none.

    The signature itself is not checked.
    """
    found = _HEADER.match(request.headers.get("Authorization", ""))
    if found is not None:
        return _scope(found[1])
    _, _, query = request.raw_path.partition("?")
    return _scope(parse_qs(query)[_PARAMETER][0]) if f"{_PARAMETER}=" in query else None


def _scope(credential: str) -> Scope | None:
    # KEY/DATE/REGION/SERVICE/aws4_request, without the region where the signature is for all of them.
    match credential.split("/")[1:]:
        case [_, region, service, end] if end == _END:
            return Scope(service.lower(), region)
        case [_, service, end] if end == _END:
            return Scope(service.lower(), REGION)
        case _:
            return None
