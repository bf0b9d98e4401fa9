"""How the authorizer is set up: read once from the environment."""

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
    """What the environment says.

    Attributes:
        auth: Which credentials there are, `jwt` or `key` (`AUTH`).
        issuer: Who issues tokens, as their `iss` names it (`JWT_ISSUER`).
        audience: Whom they are for, as their `aud` names it (`JWT_AUDIENCE`).
        jwks_url: Where the issuer's public keys are (`JWT_JWKS_URL`, else below the issuer).
        keys_secret: The secret that holds the document of API keys (`API_KEYS_SECRET`).
        keys_file: The file that does so instead, on a developer's machine (`API_KEYS_FILE`).
        log_level: The least severe log line that is written (`LOG_LEVEL`).
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
            SettingsError: A variable is missing, or has a value that it cannot have.
        """
        auth = environment.get("AUTH", "")
        issuer = environment.get("JWT_ISSUER", "")
        found = cls(
            auth=auth,
            issuer=issuer,
            audience=environment.get("JWT_AUDIENCE", ""),
            jwks_url=environment.get("JWT_JWKS_URL") or f"{issuer.rstrip('/')}/.well-known/jwks.json",
            keys_secret=environment.get("API_KEYS_SECRET", ""),
            keys_file=environment.get("API_KEYS_FILE", ""),
            log_level=environment.get("LOG_LEVEL") or "INFO",
        )
        if auth == "jwt":
            found._require_issuer()
        elif auth != "key":
            raise SettingsError(f"AUTH is {auth!r}; the authorizer knows jwt and key")
        elif not (found.keys_secret or found.keys_file):
            raise SettingsError("API_KEYS_SECRET is unset; it names the secret that holds the document of API keys")
        return found

    def _require_issuer(self) -> None:
        for name, value in (("JWT_ISSUER", self.issuer), ("JWT_AUDIENCE", self.audience)):
            if not value:
                raise SettingsError(f"{name} is unset; tokens are checked against it")
        parts = urlsplit(self.jwks_url)
        # Whoever can answer in the issuer's place can make tokens.
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise SettingsError(f"the issuer's keys are at {self.jwks_url!r}; it must be https://")
