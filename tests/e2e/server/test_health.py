"""What probes of a container see."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

from tests.e2e.dev.conftest import wait_until

if TYPE_CHECKING:
    from eventstore_hosting.valkey import ValkeyServer
    from tests.e2e.server.conftest import Start


def test_an_instance_is_alive_and_not_ready_while_the_store_does_not_answer(start: Start, store: ValkeyServer) -> None:
    with start() as hub:

        def probed(kind: str) -> tuple[int, str]:
            began = time.monotonic()
            response = hub.call("GET", f"/health/{kind}")
            slowest.append(time.monotonic() - began)
            return response.status, response.json()["status"]

        slowest: list[float] = []
        assert (probed("live"), probed("ready")) == ((200, "ok"), (200, "ok"))
        os.kill(store.pid, signal.SIGSTOP)
        try:
            wait_until(lambda: probed("ready") == (503, "store-unavailable"), what="the store", seconds=30)
            assert probed("live") == (200, "ok")
        finally:
            os.kill(store.pid, signal.SIGCONT)
        wait_until(lambda: probed("ready") == (200, "ok"), what="the store", seconds=30)
        # The store is not asked by the probe, whose connection would time out after 5 s.
        assert sorted(slowest)[len(slowest) // 2] < 1


def test_the_log_is_json_by_line_where_it_is_no_terminal(start: Start) -> None:
    with start({"LOG_LEVEL": "DEBUG"}) as hub:
        response = hub.call(
            "GET", "/api/v1/streams/logged?access_token=secret", headers={"Authorization": "Bearer secret"}
        )
        hub.instance.stop()
        text = hub.instance.errors.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    [access] = [line for line in lines if line["logger"] == "eventstore_server.access" and "logged" in line["message"]]
    assert access["request_id"] == response.headers["X-Request-Id"]
    assert access["message"].startswith("GET /api/v1/streams/logged ")
    assert len({line["instance"] for line in lines}) == 1
    assert "secret" not in text
