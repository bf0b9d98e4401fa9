"""The settings of the authorizer, read once from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from eventstore.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AuthorizerSettings"]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class AuthorizerSettings:
    """The settings of the authorizer.

    Attributes:
        auth: The kind of credentials, `jwt` or `key` (`AUTH`).
        issuer: The issuer of tokens, their `iss` (`JWT_ISSUER`).
        audience: The audience of tokens, their `aud` (`JWT_AUDIENCE`).
        jwks_url: The URL of the issuer's public keys (`JWT_JWKS_URL`; by default below the issuer).
        keys_secret: The secret that holds the document of API keys (`API_KEYS_SECRET`).
        keys_file: A file that holds it instead, for local development (`API_KEYS_FILE`).
        log_level: The minimum log level (`LOG_LEVEL`).
    """

    auth: str
    issuer: str = ""
    audience: str = ""
    jwks_url: str = ""
    keys_secret: str = ""
    keys_file: str = ""
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> AuthorizerSettings:
        """Read the settings.

        Raises:
            SettingsError: A variable is missing or invalid.
        """
        auth = environment.get("AUTH", "")
        issuer = environment.get("JWT_ISSUER", "")
        settings = cls(
            auth=auth,
            issuer=issuer,
            audience=environment.get("JWT_AUDIENCE", ""),
            jwks_url=environment.get("JWT_JWKS_URL") or f"{issuer.rstrip('/')}/.well-known/jwks.json",
            keys_secret=environment.get("API_KEYS_SECRET", ""),
            keys_file=environment.get("API_KEYS_FILE", ""),
            log_level=environment.get("LOG_LEVEL") or "INFO",
        )
        if auth == "jwt":
            settings._require_issuer()
        elif auth != "key":
            raise SettingsError(f"AUTH must be jwt or key, not {auth!r}")
        elif not (settings.keys_secret or settings.keys_file):
            raise SettingsError("API_KEYS_SECRET is unset; set it to the secret that holds the document of API keys")
        return settings

    def _require_issuer(self) -> None:
        for name, value in (("JWT_ISSUER", self.issuer), ("JWT_AUDIENCE", self.audience)):
            if not value:
                raise SettingsError(f"{name} is unset; AUTH=jwt requires it")
        parts = urlsplit(self.jwks_url)
        # An attacker who can impersonate the issuer can forge tokens.
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise SettingsError(f"the URL of the issuer's keys must start with https://, not {self.jwks_url!r}")
