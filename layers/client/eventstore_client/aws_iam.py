"""Credentials that sign requests with AWS Signature Version 4, for an API Gateway with IAM authorization.

Rules: API Gateway Developer Guide, "Control access to a REST API with IAM permissions", and "Control access to
WebSocket APIs with IAM authorization". Both are signed in the same way; a WebSocket's handshake is signed as a GET
request. The signature is sent in headers. Proxies would log a signature in the URL, where browsers have to put it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from eventstore_client.credentials import Cached
from eventstore_client.errors import ConnectFailed, NoCredentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.credentials import Credentials as Keys

    from eventstore_client.credentials import Outgoing

__all__ = ["AwsIam"]

_SERVICE = "execute-api"
_HOST = re.compile(r".*\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_SENT = ("Authorization", "X-Amz-Date", "X-Amz-Security-Token")
_SIGNED = {"content-type", "if-match", "if-none-match"}
"""Headers that change the meaning of a request. A proxy may change other headers, so they are not signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsIam:
    """The caller's AWS identity, from the sources that AWS tools use: environment, profile, role of the machine.

    Each request has its own signature. botocore renews the keys before they expire.

    Attributes:
        region: The hub's AWS region; by default the region in its address, else the session's.
        session: A boto3 or botocore session; by default, a new botocore session.
    """

    region: str | None = None
    session: Any = field(default=None, repr=False)
    _cache: Cached[tuple[Any, Keys]] = field(default_factory=Cached, init=False, repr=False, compare=False)

    def headers(self, request: Outgoing, *, anew: bool = False) -> Mapping[str, str]:
        """Return the signature; see `Credentials.headers`."""
        try:
            # botocore adds a second to a cold start, so that it is imported only to sign. Lambda's runtime has it.
            from botocore.auth import SigV4Auth  # noqa: PLC0415 - see above
            from botocore.awsrequest import AWSRequest  # noqa: PLC0415
            from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError  # noqa: PLC0415
            from botocore.exceptions import ConnectionError as BotoConnectionError  # noqa: PLC0415
        except ImportError as error:
            raise NoCredentials("AWS IAM signing requires botocore: pip install boto3") from error
        try:
            session, keys = self._cache.get(self._load_keys, anew=anew)
            frozen = keys.get_frozen_credentials()
        except (BotoConnectionError, HTTPClientError) as error:
            raise ConnectFailed(f"cannot reach AWS to get credentials: {error}") from error
        except (BotoCoreError, ClientError) as error:
            raise NoCredentials(f"cannot get AWS credentials: {error}") from error
        headers = {name: value for name, value in request.headers.items() if name.lower() in _SIGNED}
        # botocore knows default ports of HTTP schemes only; the handshake is an HTTP request (RFC 6455, 1.3).
        url = re.sub(r"^ws(?=s?:)", "http", request.url)
        signed = AWSRequest(method=request.method, url=url, headers=headers, data=request.body)
        SigV4Auth(frozen, _SERVICE, self._region(url, session)).add_auth(signed)
        return {name: signed.headers[name] for name in _SENT if name in signed.headers}

    def __str__(self) -> str:
        return "an AWS IAM signature"

    def _load_keys(self) -> tuple[Any, Keys]:
        import botocore.session  # noqa: PLC0415 - see `headers`

        session = self.session or botocore.session.get_session()
        keys = session.get_credentials()
        if keys is None:
            raise NoCredentials(
                "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "or run aws sso login"
            )
        return session, keys

    def _region(self, url: str, session: Any) -> str:  # noqa: ANN401 - a boto3 or a botocore session
        if self.region:
            return self.region
        if match := _HOST.fullmatch(urlsplit(url).hostname or ""):
            return match[1]
        configured = session.region_name if hasattr(session, "region_name") else session.get_config_variable("region")
        if not configured:
            raise NoCredentials("no AWS region: the hub's address has none; pass region= or set AWS_DEFAULT_REGION")
        return str(configured)
