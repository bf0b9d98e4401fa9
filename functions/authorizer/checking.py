"""Chooses what checks credentials: tokens against the keys of their issuer, or API keys against a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.access import Access
    from functions.authorizer.settings import AuthorizerSettings

__all__ = ["credential_checker"]

# ruff: noqa: PLC0415 - a deployment uses one kind of credential


def credential_checker(settings: AuthorizerSettings) -> Callable[[str], Access]:
    """Return the function that checks a credential and returns its permissions.

    The function raises `Unauthorized` for a credential that is not valid, `Unavailable` if it cannot be checked now,
    and `SettingsError` if the document of keys is invalid.

    Args:
        settings: The settings of the authorizer.
    """
    if settings.auth == "jwt":
        from functions.authorizer.tokens import IssuerKeys, Tokens

        keys = IssuerKeys(settings.jwks_url)
        return Tokens(issuer=settings.issuer, audience=settings.audience, keys=keys).access
    from functions.authorizer.keys import ApiKeys
    from functions.authorizer.sources import document_of

    return ApiKeys(document_of(settings)).access
