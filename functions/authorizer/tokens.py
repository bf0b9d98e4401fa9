"""JSON Web Tokens (RFC 7519), signed by an issuer whose public keys are fetched and cached (RFC 7517)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from eventstore.errors import Unauthorized, Unavailable
from functions.authorizer.grants import InvalidGrant, access_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.access import Access

__all__ = ["IssuerKeys", "IssuerUnavailable", "Keys", "Tokens"]

ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""Only asymmetric algorithms: a service that verifies tokens must not be able to forge them."""

_RSA_BITS = 2048
"""The minimum size of a key (RFC 7518, 3.3)."""

_LEEWAY = 30
"""Seconds by which the issuer's clock may differ."""

_MAX_KID_LENGTH = 256

_SIGNING_USES = ("sig", None)
"""The `use` of keys that sign (RFC 7517, 4.2)."""


class IssuerUnavailable(Unavailable):
    """The issuer's keys cannot be fetched."""

    code = "issuer-unavailable"


class Keys(Protocol):
    """An issuer's public keys."""

    def get(self, kid: str) -> jwt.PyJWK:
        """Return the key with this id.

        Raises:
            Unauthorized: The issuer has no such key.
            IssuerUnavailable: The keys cannot be fetched.
        """


class Tokens:
    """Checks tokens of one issuer for one audience."""

    def __init__(self, *, issuer: str, audience: str, keys: Keys) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys

    def access(self, token: str) -> Access:
        """Return the permissions that a token grants.

        Raises:
            Unauthorized: The token is invalid, expired, or for another issuer or audience.
            IssuerUnavailable: The keys cannot be fetched.
        """
        # Libraries quote parts of a token in their errors, so their messages are dropped.
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise Unauthorized("the credential is not a JSON Web Token") from None
        kid = header.get("kid")
        if header.get("alg") not in ALGORITHMS:
            raise Unauthorized(f"the token's algorithm must be one of {', '.join(ALGORITHMS)}")
        if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID_LENGTH:
            raise Unauthorized("the token must name its key (kid)")
        key = self._keys.get(kid)
        _require_strong(key)
        claims = self._claims(token, key)
        try:
            return access_of(claims["sub"], claims)
        except InvalidGrant as error:
            raise Unauthorized(f"the token's claims are invalid: {error}") from None

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise Unauthorized(_reason(error)) from None
        return claims


class IssuerKeys:
    """Keys at a URL: fetched on first use, cached, and fetched again for an unknown id.

    A pause limits fetches, so that tokens with invented ids cannot flood the issuer, and an issuer that does not
    respond delays few requests.

    Args:
        url: The URL of the key set.
        kept_seconds: How long keys are cached.
        pause_seconds: The minimum time between fetches for unknown ids.
        timeout_seconds: The timeout of a fetch.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        kept_seconds: float = 900,
        pause_seconds: float = 30,
        timeout_seconds: float = 3,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = _Client(url, lifespan=kept_seconds, cooldown_duration=pause_seconds, timeout=timeout_seconds)
        self._pause = min(pause_seconds, _PAUSE_AFTER_FAILURE)
        self._clock = clock
        self._failed_at: float | None = None

    def get(self, kid: str) -> jwt.PyJWK:
        """See `Keys.get`."""
        return self._cached_key(kid) or self._fetched_key(kid)

    def _cached_key(self, kid: str) -> jwt.PyJWK | None:
        cached = self._client.jwk_set_cache.get() if self._client.jwk_set_cache is not None else None
        if cached is None:
            return None
        return next((key for key in cached.keys if key.key_id == kid and key.public_key_use in _SIGNING_USES), None)

    def _fetched_key(self, kid: str) -> jwt.PyJWK:
        if self._failed_at is not None and self._clock() - self._failed_at < self._pause:
            raise IssuerUnavailable(f"fetching the issuer's keys from {self._client.uri} failed a moment ago")
        try:
            return self._client.get_signing_key(kid)
        except IssuerUnavailable:
            self._failed_at = self._clock()
            raise
        except jwt.PyJWTError:
            raise Unauthorized("the issuer has no key with the token's kid") from None


class _Client(jwt.PyJWKClient):
    """A client that distinguishes an issuer without usable keys from one that lacks the requested key."""

    def fetch_data(self) -> Any:  # noqa: ANN401 - as the base class declares it
        """Fetch the issuer's keys.

        Raises:
            IssuerUnavailable: The issuer does not respond completely, or has no usable key.
        """
        try:
            return super().fetch_data()
        except (jwt.PyJWTError, ValueError, OSError) as error:
            raise IssuerUnavailable(
                f"the issuer's keys cannot be fetched from {self.uri}: {type(error).__name__}"
            ) from None


def _require_strong(key: jwt.PyJWK) -> None:
    """Raise Unauthorized unless the key is a strong public key.

    Raises:
        Unauthorized: It is a shared secret, a private key, on another curve, or too short.
    """
    match key.key:
        case RSAPublicKey() if key.key.key_size < _RSA_BITS:
            raise Unauthorized(
                f"the issuer's key with this kid is an RSA key of {key.key.key_size} bits; "
                f"it must have at least {_RSA_BITS}"
            )
        case EllipticCurvePublicKey() if not isinstance(key.key.curve, SECP256R1):
            raise Unauthorized(f"the issuer's key with this kid is on {key.key.curve.name}; it must be on P-256")
        case RSAPublicKey() | EllipticCurvePublicKey() | Ed25519PublicKey():
            return
        case _:
            raise Unauthorized("the issuer's key with this kid is not a public key for RS256, ES256 or EdDSA")


_PAUSE_AFTER_FAILURE = 5.0

_REASONS: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "the token has expired",
    jwt.ImmatureSignatureError: "the token is not valid yet",
    jwt.InvalidAudienceError: "the token is for another audience",
    jwt.InvalidIssuerError: "the token is from another issuer",
    jwt.InvalidSignatureError: "the token's signature is invalid",
    jwt.MissingRequiredClaimError: "the token must have exp, iss, aud and sub",
}


def _reason(error: jwt.PyJWTError) -> str:
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), "the token is not valid")
