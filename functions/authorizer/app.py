"""The authorizer: who asks, and what the gateway may let through for it. No credential is written anywhere."""

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

__all__ = ["handler"]

_LOGGER = logging.getLogger(__name__)


def handler(event: Mapping[str, Any], _: LambdaContext) -> dict[str, Any]:
    """What a credential allows, as a policy for the gateway and as text for the other functions.

    Raises:
        Exception: "Unauthorized", which API Gateway tells clients as 401; anything else as 500. None of them holds a
            part of the credential, for Lambda writes them into the log.
    """
    # As it was before the last refusal.
    sys.__dict__.pop("tracebacklimit", None)
    try:
        return policy_of(_checking()(credential_of(event)), method_arn=event["methodArn"])
    except Unauthorized as error:
        _LOGGER.info("a credential is refused: %s", error.detail)
    except (SettingsError, Unavailable) as error:
        raise RuntimeError(str(error)) from None
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told, by other words
        # What it says may quote a token; what and where it is does not.
        last = extract_tb(error.__traceback__)[-1]
        raise RuntimeError(f"{type(error).__name__} in {last.name}, line {last.lineno} of {last.filename}") from None
    # Lambda logs what is raised with its traceback, which says nothing here: a refusal is no fault.
    sys.tracebacklimit = 0
    # API Gateway Developer Guide, "Input to an API Gateway Lambda authorizer": this text alone means 401.
    raise Exception("Unauthorized")  # noqa: TRY002 - see above


@cache
def _checking() -> Callable[[str], Access]:
    """What makes access of a credential, as this deployment has it."""
    settings = AuthorizerSettings.from_environment(os.environ)
    # As in `functions.hub`: environments of one snapshot are not to try again at the same moments.
    random.seed()
    logging.getLogger().setLevel(settings.log_level)
    if settings.auth == "jwt":
        # Imported here, for a deployment has one kind of credential.
        from functions.authorizer.tokens import IssuerKeys, Tokens  # noqa: PLC0415 - see above

        keys = IssuerKeys(settings.jwks_url)
        return Tokens(issuer=settings.issuer, audience=settings.audience, keys=keys).access
    from functions.authorizer.keys import ApiKeys  # noqa: PLC0415 - see above
    from functions.authorizer.sources import document_of  # noqa: PLC0415 - see above

    return ApiKeys(document_of(settings)).access
