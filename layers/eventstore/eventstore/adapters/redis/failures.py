"""Errors of redis-py: which ones are temporary, and messages that name the cause and no secret."""

from __future__ import annotations

from ssl import SSLCertVerificationError, SSLError
from typing import TYPE_CHECKING

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    NoPermissionError,
    RedisClusterException,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TokenError", "is_away", "is_lasting", "reason_of"]


class TokenError(AuthenticationError):
    """No token could be created; the message says why. A subclass, so that redis-py drops the connection."""


_AWAY = (
    RedisConnectionError,
    RedisTimeoutError,
    BusyLoadingError,
    ClusterDownError,
    TryAgainError,
    RedisClusterException,
)
_LASTING = (AuthenticationError, FileNotFoundError, SSLCertVerificationError)

_REFUSED = (
    "the cache refuses the user of REDIS_URL: it has no such user, the user is disabled, or the password is wrong "
    "(with iam=: the token has expired, as after a wrong clock, or the role may not elasticache:Connect)"
)
_FORBIDDEN = (
    "the cache forbids the user of REDIS_URL a command or a key that the hub needs; docs/operations.md has the rule"
)


def is_away(error: BaseException | None) -> bool:
    """Whether the store is unavailable: nothing is wrong with the request."""
    return isinstance(error, _AWAY) or _is_forbidden(error)


def is_lasting(error: BaseException) -> bool:
    """Whether the error persists until an operator fixes its cause, so that retrying is useless."""
    causes = _causes(error)
    return any(isinstance(cause, _LASTING) or _is_handshake_timeout(cause) for cause in causes)


def reason_of(error: BaseException) -> str:
    """Return a message for an operator; a cause that an operator can fix takes precedence over the error itself."""
    for cause in _causes(error):
        if isinstance(cause, TokenError):
            return str(cause)
        if isinstance(cause, AuthenticationError):
            return _REFUSED
        if _is_forbidden(cause):
            return _FORBIDDEN
        if isinstance(cause, SSLError) or _is_handshake_timeout(cause):
            return _tls(cause)
        if isinstance(cause, FileNotFoundError):
            return "a file that REDIS_URL names for TLS is not there"
    return f"the store does not answer ({type(error).__name__}); try again shortly"


def _is_forbidden(error: BaseException | None) -> bool:
    # A command that a script must not use has no error code of its own.
    return isinstance(error, NoPermissionError) or (
        isinstance(error, ResponseError) and str(error).startswith("ACL failure in script")
    )


def _is_handshake_timeout(error: BaseException) -> bool:
    # A server without TLS waits for the end of a line. The standard library reports that only in the message.
    return isinstance(error, TimeoutError) and "handshake" in str(error)


def _tls(error: BaseException) -> str:
    if isinstance(error, SSLCertVerificationError):
        return (
            f"the cache's certificate is not accepted ({error.verify_message}); "
            "ssl_ca_certs= of REDIS_URL names further authorities"
        )
    reason = error.reason if isinstance(error, SSLError) else "no answer"
    return f"TLS with the cache fails ({reason}); rediss:// is for a port that speaks it"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
