"""Where calls of AWS go, and what they are signed with.

In a function, variables of the runtime name them, or where its keys are (`ContainerKeys`). Outside of one, and where a
variable asks for another profile, other endpoints or a region with other hosts, botocore finds them, in files and
roles: its imports take a tenth of a second.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eventstore.adapters.aws.container_keys import ContainerKeys
from eventstore.adapters.aws.signature import Keys

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AwsEnvironment"]

_USUAL_REGION = re.compile(r"(af|ap|ca|eu|il|me|mx|sa|us)-(gov-)?(north|south|east|west|central)+-[0-9]+")
"""The regions whose services are at amazonaws.com."""

_IDS = {"events": "EVENTBRIDGE", "secretsmanager": "SECRETS_MANAGER"}
"""The ids in `AWS_ENDPOINT_URL_<ID>`, where they differ from the names of the services."""

_UNUSUAL = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")

# ruff: noqa: PLC0415 - boto3 is imported only where it is needed


class AwsEnvironment:
    """The region, the keys and the endpoints of this process.

    Args:
        variables: The variables of the environment; by default those of the process.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    @cached_property
    def region(self) -> str:
        """The region.

        Raises:
            NoRegionError: None is configured.
        """
        if not self._is_usual:
            from botocore.exceptions import NoRegionError

            if not self._session.region_name:
                raise NoRegionError
            return str(self._session.region_name)
        return self._variables["AWS_DEFAULT_REGION"]

    def keys(self) -> Keys:
        """Return the keys that are valid now.

        Raises:
            NoCredentialsError: There are none.
            BotoCoreError: They could not be renewed.
        """
        if self._is_usual and self._own_keys.access_key:
            return self._own_keys
        if self._is_usual and "AWS_CONTAINER_CREDENTIALS_FULL_URI" in self._variables:
            return self._container_keys.get()
        from botocore.exceptions import NoCredentialsError

        if self._credentials is None:
            raise NoCredentialsError
        frozen = self._credentials.get_frozen_credentials()
        return Keys(frozen.access_key, frozen.secret_key, frozen.token or "")

    def endpoint(self, service: str) -> str:
        """Return the URL of a service, without a slash at its end.

        Args:
            service: The name of the service, as boto3 has it. Its host must begin with that name.

        Raises:
            NoRegionError: No region is configured.
        """
        if not self._is_usual:
            return str(self._session.client(service).meta.endpoint_url).rstrip("/")
        own = self.own_endpoint(service) or self._own_endpoint("AWS_ENDPOINT_URL")
        return own or f"https://{service}.{self.region}.amazonaws.com"

    def own_endpoint(self, service: str) -> str | None:
        """Return the URL that a variable names for a service alone, without a slash at its end; None without one.

        Args:
            service: As in `endpoint`.
        """
        return self._own_endpoint(f"AWS_ENDPOINT_URL_{_IDS.get(service, service.upper())}")

    def _own_endpoint(self, variable: str) -> str | None:
        if self._variables.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
            return None
        return self._variables.get(variable, "").rstrip("/") or None

    @cached_property
    def _is_usual(self) -> bool:
        """Whether the variables suffice for the region and the endpoints."""
        variables = self._variables
        return (
            bool(variables.get("AWS_LAMBDA_FUNCTION_NAME"))
            and bool(_USUAL_REGION.fullmatch(variables.get("AWS_DEFAULT_REGION", "")))
            and not any(variables.get(name) for name in _UNUSUAL)
        )

    @cached_property
    def _own_keys(self) -> Keys:
        # A function has the same keys for as long as its process lives.
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        return Keys(*(self._variables.get(name, "") for name in names))

    @cached_property
    def _container_keys(self) -> ContainerKeys:
        return ContainerKeys(self._variables)

    @cached_property
    def _session(self) -> Any:  # noqa: ANN401 - boto3 is not imported here
        import boto3

        return boto3.session.Session()

    @cached_property
    def _credentials(self) -> Any:  # noqa: ANN401 - as above
        return self._session.get_credentials()
