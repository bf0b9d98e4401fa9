"""A guard like API Gateway's: it computes the expected signature from the received request, as AWS does."""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from tests.functional.client.fake_hub import ReceivedRequest

__all__ = ["KEYS", "Signed"]

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session-token")

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<day>\d{8})/(?P<region>[\w-]+)/execute-api/aws4_request, "
    r"SignedHeaders=(?P<names>[\w;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)


class Signed:
    """Accepts requests that one identity signed for one region."""

    def __init__(self, keys: Credentials = KEYS, region: str = "eu-west-1") -> None:
        self._keys = keys
        self._region = region

    def __call__(self, arrived: ReceivedRequest) -> tuple[int, str] | None:
        headers = {name.lower(): value for name, value in arrived.headers.items()}
        claim = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if claim is None:
            return 403, "Missing Authentication Token"
        names = claim["names"].split(";")
        if claim["region"] != self._region or not {"host", "x-amz-date", "x-amz-security-token"} <= {*names}:
            return 403, f"Credential should be scoped to a valid region: {claim['region']}"
        url = f"http://{headers['host']}{arrived.path}"
        request = AWSRequest(
            method=arrived.method, url=url, headers={name: headers[name] for name in names}, data=arrived.body
        )
        request.context["timestamp"] = headers["x-amz-date"]
        auth = SigV4Auth(self._keys, "execute-api", self._region)
        expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        same = hmac.compare_digest(expected, claim["signature"])
        return None if same and claim["key"] == self._keys.access_key else (403, "The request signature does not match")
