"""Signature Version 4, which API Gateway wants where it authorizes by IAM.

Rules: API Gateway Developer Guide, "Control access to a REST API with IAM permissions", and "Control access to
WebSocket APIs with IAM authorization": both are signed alike, a WebSocket's handshake as the GET that it is. The
signature stands in headers. In the URL, where browsers must put it, every proxy on the way would log it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from eventstore_client.credentials import Kept
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
"""What says how a request is meant; a proxy may change the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsIam:
    """The caller's AWS identity, found as AWS's tools find it: environment, profile, role of the machine.

    Each request is signed anew, with keys that botocore renews before they expire.

    Attributes:
        region: Where the hub is; else what its address says, else the session's.
        session: A session of boto3 or botocore; else one of botocore's own.
    """

    region: str | None = None
    session: Any = field(default=None, repr=False)
    _kept: Kept[tuple[Any, Keys]] = field(default_factory=Kept, init=False, repr=False, compare=False)

    def headers(self, request: Outgoing, *, anew: bool = False) -> Mapping[str, str]:
        """As `Credentials` says."""
        try:
            # botocore is in Lambda's runtime, and a second of a cold start: only who signs needs it.
            from botocore.auth import SigV4Auth  # noqa: PLC0415 - as the line above says
            from botocore.awsrequest import AWSRequest  # noqa: PLC0415
            from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError  # noqa: PLC0415
            from botocore.exceptions import ConnectionError as Away  # noqa: PLC0415
        except ImportError as error:
            raise NoCredentials("signing with AWS credentials needs botocore; install it: pip install boto3") from error
        try:
            session, keys = self._kept.get(self._found, anew=anew)
            frozen = keys.get_frozen_credentials()
        except (Away, HTTPClientError) as error:
            raise ConnectFailed(f"AWS does not answer when asked for credentials: {error}") from error
        except (BotoCoreError, ClientError) as error:
            raise NoCredentials(f"AWS credentials cannot be had: {error}") from error
        headers = {name: value for name, value in request.headers.items() if name.lower() in _SIGNED}
        # botocore knows the usual ports of HTTP only, and the handshake is HTTP (RFC 6455, 1.3).
        url = re.sub(r"^ws(?=s?:)", "http", request.url)
        signed = AWSRequest(method=request.method, url=url, headers=headers, data=request.body)
        SigV4Auth(frozen, _SERVICE, self._region(url, session)).add_auth(signed)
        return {name: signed.headers[name] for name in _SENT if name in signed.headers}

    def __str__(self) -> str:
        return "the signature with AWS credentials"

    def _found(self) -> tuple[Any, Keys]:
        import botocore.session  # noqa: PLC0415 - as above

        session = self.session or botocore.session.get_session()
        keys = session.get_credentials()
        if keys is None:
            raise NoCredentials(
                "there are no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "or sign in: aws sso login"
            )
        return session, keys

    def _region(self, url: str, session: Any) -> str:  # noqa: ANN401 - of either library
        if self.region:
            return self.region
        if told := _HOST.fullmatch(urlsplit(url).hostname or ""):
            return told[1]
        configured = session.region_name if hasattr(session, "region_name") else session.get_config_variable("region")
        if not configured:
            raise NoCredentials(
                "the hub's address does not tell its AWS region; give region, or set AWS_DEFAULT_REGION"
            )
        return str(configured)
