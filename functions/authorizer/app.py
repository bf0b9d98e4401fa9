"""The authorizer: checks a credential and returns a policy for the gateway. It never logs credentials."""

from __future__ import annotations

import logging
import os
import random
import sys
from functools import cache
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from eventstore.errors import SettingsError, Unauthorized, Unavailable
from functions.authorizer.credentials import credential_of
from functions.authorizer.policy import policy_of
from functions.authorizer.settings import AuthorizerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from eventstore.access import Access

__all__ = ["credential_checker", "handler"]

_LOGGER = logging.getLogger(__name__)


def handler(event: Mapping[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Return the permissions of a credential: a policy for the gateway, and a context for the other functions.

    Raises:
        Exception: "Unauthorized", which API Gateway returns as 401; any other message as 500. No message contains a
            part of the credential, since Lambda logs it.
    """
    # Undo the change of the last rejection, below.
    sys.__dict__.pop("tracebacklimit", None)
    try:
        return policy_of(credential_checker()(credential_of(event)), method_arn=event["methodArn"])
    except Unauthorized as error:
        _LOGGER.info("credential rejected: %s", error.detail)
    except (SettingsError, Unavailable) as error:
        raise RuntimeError(str(error)) from None
    except Exception as error:  # noqa: BLE001 - re-raised below without its message
        # Its message may quote a token; its type and place do not.
        last = extract_tb(error.__traceback__)[-1]
        raise RuntimeError(f"{type(error).__name__} in {last.name}, line {last.lineno} of {last.filename}") from None
    # Lambda logs the traceback of an exception, but a rejection is not a fault: omit it.
    sys.tracebacklimit = 0
    # API Gateway Developer Guide, "Input to an API Gateway Lambda authorizer": this text alone means 401.
    raise Exception("Unauthorized")  # noqa: TRY002 - see above


@cache
def credential_checker() -> Callable[[str], Access]:
    """Return the function that checks a credential and returns its permissions, as the settings choose it."""
    settings = AuthorizerSettings.from_environment(os.environ)
    # As in `functions.hub`: environments of one snapshot must not retry at the same moments.
    random.seed()
    logging.getLogger().setLevel(settings.log_level)
    if settings.auth == "jwt":
        # Imported here: a deployment uses one kind of credential.
        from functions.authorizer.tokens import IssuerKeys, Tokens  # noqa: PLC0415 - see above

        keys = IssuerKeys(settings.jwks_url)
        return Tokens(issuer=settings.issuer, audience=settings.audience, keys=keys).access
    from functions.authorizer.keys import ApiKeys  # noqa: PLC0415 - see above
    from functions.authorizer.sources import document_of  # noqa: PLC0415 - see above

    return ApiKeys(document_of(settings)).access
