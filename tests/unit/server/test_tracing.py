from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from eventstore_server.tracing import NoTracing, tracing_of

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_SERVICE_NAME": "hub"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {**ENDPOINT, "OTEL_SDK_DISABLED": "true"},
        {**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_traced_unless_an_endpoint_is_named(environment: Mapping[str, str]) -> None:
    assert isinstance(tracing_of(environment, instance="i"), NoTracing)


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
def test_an_endpoint_without_the_extra_is_a_warning_that_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "eventstore_server.otel_tracing", None)
    assert isinstance(tracing_of({name: "http://127.0.0.1:9"}, instance="i"), NoTracing)
    assert "pip install 'flunq-eventstore[otel]'" in caplog.text


def test_a_span_of_nothing_can_be_used_many_times() -> None:
    tracing = NoTracing()
    with tracing.span("a") as outer, tracing.span("b", parent="x", links=["y"]) as inner:
        outer.set("k", 1)
        inner.fail("code")
    with tracing.span("a"):
        pass


def test_the_server_imports_opentelemetry_only_if_it_is_used() -> None:
    # redis-py imports some of it, where it is installed.
    names = ("eventstore_server.otel_tracing", "opentelemetry.sdk.trace", "opentelemetry.exporter")
    program = f"import sys, eventstore_server.__main__; print([name for name in {names} if name in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "[]\n"
