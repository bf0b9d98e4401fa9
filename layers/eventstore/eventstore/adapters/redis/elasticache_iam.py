"""Passwords of ElastiCache users that authenticate by IAM: requests to connect, signed ahead and good for 15 minutes.

Rules: Amazon ElastiCache User Guide, "Authenticating with IAM". A connection outlives its token, for up to 12 hours;
redis-py asks for a token whenever it connects, so the one that follows has a new one.

Nobody imports this who does not use it: botocore takes longer to import than everything else of a function.
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
_USED_SECONDS = 600
"""For how long a token is given out: what is left of its time is for clocks that differ, and credentials that end."""

# At DEBUG it writes down signatures, which here are passwords.
logging.getLogger("botocore.auth").setLevel(logging.INFO)


class IamTokens(CredentialProvider):
    """Gives redis-py a name and a token for each connection.

    Args:
        credentials: Those of the role that may `elasticache:Connect` to the cache as the user; they may renew
            themselves. None: none were found.
        clock: botocore signs by the system's time; this one says when to sign anew.
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
        """Tokens signed with the credentials and the region that the environment gives, as boto3 finds them.

        Raises:
            SettingsError: There is no region.
        """
        session = get_session()
        region = session.get_config_variable("region")
        if not region:
            raise SettingsError("AWS_DEFAULT_REGION is unset; with iam= in REDIS_URL it names the cache's region")
        return cls(user, credentials=session.get_credentials(), region=region, clock=clock)

    def get_credentials(self) -> tuple[str, str]:
        """The user's name and a token that is good for another five minutes at least.

        Raises:
            TokenError: There are no credentials to sign with.
        """
        now = self._clock.now()
        if now >= self._until:
            self._token, self._until = self._signed(), now + _USED_SECONDS * 1000
        return self._user.name, self._token

    def _signed(self) -> str:
        if self._credentials is None:
            raise TokenError("no AWS credentials were found, and iam= of REDIS_URL needs some to sign a token with")
        try:
            credentials = self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise TokenError(
                f"the AWS credentials for iam= of REDIS_URL do not renew ({type(error).__name__})"
            ) from error
        asked = {"Action": "connect", "User": self._user.name}
        if self._user.serverless:
            asked["ResourceType"] = "ServerlessCache"
        request = AWSRequest(method="GET", url=f"http://{self._user.cache}/", params=asked)
        SigV4QueryAuth(credentials, "elasticache", self._region, expires=_VALID_SECONDS).add_auth(request)
        return str(request.url).removeprefix("http://")
