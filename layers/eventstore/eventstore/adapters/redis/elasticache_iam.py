"""Passwords of ElastiCache users that authenticate by IAM: presigned connect requests that are valid for 15 minutes.

Rules: Amazon ElastiCache User Guide, "Authenticating with IAM". A connection outlives its token, for up to 12 hours;
redis-py requests a token for every new connection.

Import this module only where it is used: importing botocore takes longer than all other imports of a function.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import get_session
from redis.credentials import CredentialProvider

from eventstore.adapters.redis.failures import TokenError
from eventstore.errors import SettingsError

if TYPE_CHECKING:
    from botocore.credentials import Credentials

    from eventstore.adapters.redis.url import IamUser
    from eventstore.ports import Clock

__all__ = ["IamTokens"]

_VALID_SECONDS = 900
_REUSED_SECONDS = 600
"""How long a token is reused. The remaining validity allows for clock skew and for credentials that expire."""

# At DEBUG, botocore logs signatures, which are passwords here.
logging.getLogger("botocore.auth").setLevel(logging.INFO)


class IamTokens(CredentialProvider):
    """Provides redis-py with a user name and a token for each connection.

    Args:
        user: The user of the cache.
        credentials: The credentials of a role that may `elasticache:Connect` to the cache as the user; they may be
            refreshable. None if there are none.
        region: The region of the cache.
        clock: Decides when a new token is needed. botocore signs with the system's time.
    """

    def __init__(self, user: IamUser, *, credentials: Credentials | None, region: str, clock: Clock) -> None:
        self._user = user
        self._credentials = credentials
        self._region = region
        self._clock = clock
        self._token = ""
        self._until = 0

    @classmethod
    def of_session(cls, user: IamUser, *, clock: Clock) -> IamTokens:
        """Create a provider with the credentials and the region of the environment, as boto3 finds them.

        Args:
            user: The user of the cache.
            clock: Decides when a new token is needed.

        Raises:
            SettingsError: No region is configured.
        """
        session = get_session()
        region = session.get_config_variable("region")
        if not region:
            raise SettingsError("AWS_DEFAULT_REGION is unset; with iam= in REDIS_URL it names the cache's region")
        return cls(user, credentials=session.get_credentials(), region=region, clock=clock)

    def get_credentials(self) -> tuple[str, str]:
        """Return the user's name, and a token that is valid for at least five more minutes.

        Raises:
            TokenError: There are no credentials to sign with.
        """
        now = self._clock.now()
        if now >= self._until:
            self._token, self._until = self._sign(), now + _REUSED_SECONDS * 1000
        return self._user.name, self._token

    def _sign(self) -> str:
        if self._credentials is None:
            raise TokenError("no AWS credentials were found, and iam= of REDIS_URL needs some to sign a token with")
        try:
            credentials = self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise TokenError(
                f"the AWS credentials for iam= of REDIS_URL do not renew ({type(error).__name__})"
            ) from error
        parameters = {"Action": "connect", "User": self._user.name}
        if self._user.serverless:
            parameters["ResourceType"] = "ServerlessCache"
        request = AWSRequest(method="GET", url=f"http://{self._user.cache}/", params=parameters)
        SigV4QueryAuth(credentials, "elasticache", self._region, expires=_VALID_SECONDS).add_auth(request)
        return str(request.url).removeprefix("http://")
