"""The documentation page: Swagger UI, as Powertools brings it along; nothing is loaded from elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

from aws_lambda_powertools.event_handler.openapi import swagger_ui

from functions.rest.openapi import document

__all__ = ["docs_page"]


def docs_page(*, server: str, auth: str = "none") -> str:
    """The page, whole: scripts and styles stand in it."""
    assets = Path(swagger_ui.__file__).parent
    return swagger_ui.generate_swagger_html(
        # A script element ends at the first "</", wherever it stands.
        json.dumps(document(server=server, auth=auth)).replace("</", "<\\/"),
        (assets / "swagger-ui-bundle.min.js").read_text(encoding="utf-8"),
        (assets / "swagger-ui.min.css").read_text(encoding="utf-8"),
        "",
        None,
    )
