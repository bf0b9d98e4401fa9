"""JSON Web Tokens (RFC 7519), signed by an issuer whose public keys are fetched and kept (RFC 7517)."""

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
"""Asymmetric ones alone: whoever can check a token must not be able to make one."""

_RSA_BITS = 2048
"""The least that a key has (RFC 7518, 3.3)."""

_LEEWAY = 30
"""Seconds that the issuer's clock may differ."""

_LONGEST_KID = 256

_SIGNING = ("sig", None)
"""What a key may be for (RFC 7517, 4.2)."""


class IssuerUnavailable(Unavailable):
    """The issuer's keys cannot be fetched."""

    code = "issuer-unavailable"


class Keys(Protocol):
    """An issuer's public keys."""

    def get(self, kid: str) -> jwt.PyJWK:
        """The key of this id.

        Raises:
            Unauthorized: There is none.
            IssuerUnavailable: It cannot be known now.
        """


class Tokens:
    """Checks tokens of one issuer for one audience."""

    def __init__(self, *, issuer: str, audience: str, keys: Keys) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys

    def access(self, token: str) -> Access:
        """What a token grants.

        Raises:
            Unauthorized: It is none, of somebody else, for somebody else, or its time is over.
            IssuerUnavailable: It cannot be checked now.
        """
        # Libraries quote parts of a token in what they raise, so nothing of that is passed on.
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise Unauthorized("the credential is no JSON Web Token") from None
        kid = header.get("kid")
        if header.get("alg") not in ALGORITHMS:
            raise Unauthorized(f"the token is signed by another algorithm than {', '.join(ALGORITHMS)}")
        if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID:
            raise Unauthorized("the token does not name its key (kid)")
        key = self._keys.get(kid)
        _require_strong(key)
        claims = self._claims(token, key)
        try:
            return access_of(claims["sub"], claims)
        except InvalidGrant as error:
            raise Unauthorized(f"the token's claims are wrong: {error}") from None

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
    """Keys at a URL: fetched when first asked for, kept, and fetched again for an id that is not among them.

    Between two fetches there is a pause, so that tokens with invented ids cannot send a flood to the issuer, and one
    that does not answer holds up a request now and then, not every one.
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
        """The key of this id; raises as `Keys.get` says."""
        return self._known(kid) or self._fetched(kid)

    def _known(self, kid: str) -> jwt.PyJWK | None:
        cached = self._client.jwk_set_cache.get() if self._client.jwk_set_cache is not None else None
        if cached is None:
            return None
        return next((key for key in cached.keys if key.key_id == kid and key.public_key_use in _SIGNING), None)

    def _fetched(self, kid: str) -> jwt.PyJWK:
        if self._failed_at is not None and self._clock() - self._failed_at < self._pause:
            raise IssuerUnavailable(f"the issuer's keys could not be fetched a moment ago from {self._client.uri}")
        try:
            return self._client.get_signing_key(kid)
        except IssuerUnavailable:
            self._failed_at = self._clock()
            raise
        except jwt.PyJWTError:
            raise Unauthorized("the issuer has no key of the token's id (kid)") from None


class _Client(jwt.PyJWKClient):
    """Tells an issuer that shows no keys from one that does not have the key."""

    def fetch_data(self) -> Any:  # noqa: ANN401 - as it is declared
        """The keys that the issuer shows.

        Raises:
            IssuerUnavailable: It does not answer, not to the end, or with what holds no key that can be used.
        """
        try:
            return super().fetch_data()
        except (jwt.PyJWTError, ValueError, OSError) as error:
            raise IssuerUnavailable(
                f"the issuer's keys cannot be fetched from {self.uri}: {type(error).__name__}"
            ) from None


def _require_strong(key: jwt.PyJWK) -> None:
    """Return if the key is public, and whoever knows it cannot find the private one.

    Raises:
        Unauthorized: It is a secret that both sides know, a private key, of another curve, or too short.
    """
    match key.key:
        case RSAPublicKey() if key.key.key_size < _RSA_BITS:
            raise Unauthorized(
                f"the issuer's key of this id (kid) is an RSA key of {key.key.key_size} bits; "
                f"it must have at least {_RSA_BITS}"
            )
        case EllipticCurvePublicKey() if not isinstance(key.key.curve, SECP256R1):
            raise Unauthorized(f"the issuer's key of this id (kid) is on {key.key.curve.name}; it must be on P-256")
        case RSAPublicKey() | EllipticCurvePublicKey() | Ed25519PublicKey():
            return
        case _:
            raise Unauthorized("the issuer's key of this id (kid) is no public key for RS256, ES256 or EdDSA")


_PAUSE_AFTER_FAILURE = 5.0

_REASONS: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "the token has expired",
    jwt.ImmatureSignatureError: "the token is not valid yet",
    jwt.InvalidAudienceError: "the token is for another audience",
    jwt.InvalidIssuerError: "the token is of another issuer",
    jwt.InvalidSignatureError: "the token's signature is wrong",
    jwt.MissingRequiredClaimError: "the token lacks one of exp, iss, aud and sub",
}


def _reason(error: jwt.PyJWTError) -> str:
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), "the token is not valid")
