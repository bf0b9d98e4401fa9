"""The documentation page: Swagger UI, as Powertools brings it along; nothing is loaded from elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

from aws_lambda_powertools.event_handler.openapi import swagger_ui

from functions.rest.openapi import document
from functions.rest.openapi.security import schemes_of

__all__ = ["docs_page"]

# In the page itself: a browser would ask for /favicon.ico, which a gateway refuses without a credential.
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M2 3h12v2H2zm0 4h8v2H2zm0 4h10v2H2z' fill='%23246'/%3E%3C/svg%3E"
)

_KEPT_CREDENTIAL = Path(__file__).parent / "kept_credential.js"
"""It keeps a credential that was entered for the tab, and uses that of the console."""


def docs_page(*, server: str, auth: str = "none") -> str:
    """The page, whole: scripts and styles stand in it.

    Args:
        server: The URL of the API.
        auth: The deployment's `AUTH`.
    """
    assets = Path(swagger_ui.__file__).parent
    page = swagger_ui.generate_swagger_html(
        # A script element ends at the first "</", wherever it stands.
        json.dumps(document(server=server, auth=auth)).replace("</", "<\\/"),
        (assets / "swagger-ui-bundle.min.js").read_text(encoding="utf-8"),
        (assets / "swagger-ui.min.css").read_text(encoding="utf-8"),
        "",
        None,
    )
    if "bearer" in schemes_of(auth):
        # The bundle has the text of that tag, too.
        body, end, rest = page.rpartition("</html>")
        page = f"{body}<script>\n{_KEPT_CREDENTIAL.read_text(encoding='utf-8')}</script>\n{end}{rest}"
    head = f'<title>flunq-eventstore</title>\n    <link rel="icon" href="{_ICON}">'
    return page.replace("<title>Swagger UI</title>", head, 1)
