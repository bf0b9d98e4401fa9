from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from eventstore_server.routes import route_of


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"),
        ("/console", "/console"),
        ("/console/0123456789abcdef/views/tail.js", "/console"),
        ("/console?x", "/console"),
        ("/consoles", "other"),
        ("/api/v1/streams/a%2Fb", "/api/v1/streams/{stream}"),
        ("/nothing", "other"),
    ],
)
def test_a_path_has_one_of_few_routes(path: str, route: str) -> None:
    assert route_of(make_mocked_request("GET", path)) == route
