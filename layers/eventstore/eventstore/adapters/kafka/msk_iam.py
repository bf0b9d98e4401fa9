"""Tokens for Amazon MSK with IAM: presigned requests to connect that are valid for 15 minutes.

Rules: Amazon MSK Developer Guide, "IAM access control", and AWS's own signers of tokens for OAUTHBEARER. The policy of
the role must allow `kafka-cluster:Connect`. A connection ends when its token does, unless it logs in again, which
librdkafka does in time.

Import this module only where it is used: finding keys outside of a function imports botocore.
"""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError

from eventstore.adapters.aws.environment import AwsEnvironment
from eventstore.adapters.aws.signature import Signer
from eventstore.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.adapters.aws.signature import Keys

__all__ = ["MskTokens"]

_VALID_SECONDS = 900
_AGENT = "flunq-eventstore"


class MskTokens:
    """Signs tokens. Threads may share it.

    Args:
        region: The region of the cluster.
        keys: Returns the keys that are valid now.
        now: Returns the time, in seconds since 1970.
    """

    def __init__(self, region: str, keys: Callable[[], Keys], *, now: Callable[[], float] = time.time) -> None:
        self._host = f"kafka.{region}.amazonaws.com"
        self._signer = Signer("kafka-cluster", region, keys)
        self._now = now

    @classmethod
    def of_environment(cls) -> MskTokens:
        """Create one with the region and the keys of the environment, as boto3 finds them.

        Raises:
            SettingsError: No region is configured.
        """
        environment = AwsEnvironment()
        try:
            return cls(environment.region, environment.keys)
        except BotoCoreError as error:
            raise SettingsError(f"mechanism=AWS_MSK_IAM of KAFKA_BROKERS needs a region of AWS: {error}") from error

    def token(self) -> tuple[str, float]:
        """Return a token, and until when it is valid, in seconds since 1970.

        Raises:
            SettingsError: There are no keys, or they do not renew.
        """
        now = self._now()
        try:
            url = self._signer.presigned(
                self._host, {"Action": "kafka-cluster:Connect"}, valid_seconds=_VALID_SECONDS, seconds=now
            )
        except BotoCoreError as error:
            raise SettingsError(f"mechanism=AWS_MSK_IAM of KAFKA_BROKERS needs keys of AWS: {error}") from error
        # The agent is not signed.
        return urlsafe_b64encode(f"{url}&User-Agent={_AGENT}".encode()).rstrip(b"=").decode(), now + _VALID_SECONDS
