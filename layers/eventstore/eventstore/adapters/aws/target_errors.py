"""What the errors of AWS say about a target: it is unavailable, or it asks to slow down."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from eventstore.adapters.aws.service_calls import is_throttling
from eventstore.groups import LONGEST_REASON
from eventstore.ports.targets import TargetThrottled, TargetUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.subscriptions import Target

__all__ = [
    "code_of",
    "is_denial",
    "is_too_large",
    "message_of",
    "shortened",
    "translated_errors",
    "unavailable",
]

_TOO_LARGE = ("RequestTooLargeException", "SerializedRequestEntityTooLargeException", "BatchRequestTooLong")
_DENIED = (
    "AccessDenied",
    "InvalidSecurity",
    "ExpiredToken",
    "UnrecognizedClient",
    "InvalidClientTokenId",
    "InvalidAccountId",
)

_ADVICE = (
    (("KMS", "Kms"), "check its KMS key, and that the role of push may use it"),
    (_DENIED, "allow the role of push to call {action} on it, here and in the policy of the target"),
    (("NotFound", "DoesNotExist", "NonExistent"), "check that it exists, in this region, under this name"),
    (("InvalidAddress", "InvalidParameter", "Validation", "UnsupportedOperation"), "check its name and its kind"),
    (("EC2", "ENI", "Subnet", "SecurityGroup"), "check the subnets and security groups of the function"),
    (("EFS", "S3Files"), "check the file system of the function"),
)
"""What to check, by a part of the code. The first that matches counts: denials of KMS are matters of the key."""


@contextmanager
def translated_errors(target: Target, *, action: str) -> Iterator[None]:
    """Raise `TargetThrottled` or `TargetUnavailable` for errors of botocore.

    Args:
        target: The target that is called.
        action: The action of IAM that the call needs.
    """
    try:
        yield
    except ClientError as error:
        code, message = code_of(error), message_of(error)
        if is_throttling(code) or _status_of(error) == HTTPStatus.TOO_MANY_REQUESTS:
            raise TargetThrottled(shortened(f"{code}: {message}"), delay_ms=_retry_after_ms(error)) from error
        raise unavailable(target, code, message, action=action) from error
    except BotoCoreError as error:
        raise TargetUnavailable(shortened(f"{target.address} cannot be reached: {error}")) from error


def unavailable(target: Target, code: str, message: str, *, action: str) -> TargetUnavailable:
    """Return the error that says which target is unavailable, and what to check.

    Args:
        target: The target.
        code: The code of the error of AWS.
        message: The words of AWS.
        action: The action of IAM that the call needs.
    """
    advice = next((advice for parts, advice in _ADVICE if any(part in code for part in parts)), "")
    advice = f"; {advice.format(action=action)}" if advice else ""
    return TargetUnavailable(shortened(f"{target.address}: {code}{advice} ({message})"))


def code_of(error: ClientError) -> str:
    """Return the code of an error, without the namespace that some protocols put before it, or else its status."""
    return str(error.response.get("Error", {}).get("Code") or _status_of(error)).rpartition(".")[2]


def message_of(error: ClientError) -> str:
    """Return the words of AWS."""
    details = error.response.get("Error", {})
    return str(details.get("Message") or error)


def is_denial(code: str) -> bool:
    """Whether a code of a failed entry says that the hub may not use the target."""
    return any(part in code for part in _DENIED)


def is_too_large(error: ClientError) -> bool:
    """Whether the request, rather than the target, is at fault: it is larger than the service accepts."""
    code = code_of(error)
    if code in _TOO_LARGE or _status_of(error) == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return True
    # EventBridge has no code of its own for it.
    return code == "ValidationException" and "size" in message_of(error) and "limit" in message_of(error)


def shortened(reason: str) -> str:
    """Return what is kept of a reason. Results of pushes are messages, which have to stay small."""
    return reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 1] + "…"


def _status_of(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _retry_after_ms(error: ClientError) -> int | None:
    seconds = str(error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", ""))
    return 1000 * int(seconds) if seconds.isascii() and seconds.isdigit() else None
