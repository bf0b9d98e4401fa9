"""`eventstore doctor`, on a server that needs keys, and on what is no hub."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client.cli.main import main
from eventstore_hosting.valkey import ValkeyServer
from functions.authorizer.keys import digest_of
from tests.e2e.servers import instances_on
from tests.tls import Authority, tls_in_front_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.e2e.servers import Instance

KEYS = {"all": ["publish", "read", "subscribe", "admin"], "reader": ["read"], "publisher": ["publish"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    folder = tmp_path_factory.mktemp("doctor")
    entries = [{"id": name, "sha256": digest_of(f"key-{name}"), "scopes": scopes} for name, scopes in KEYS.items()]
    (folder / "keys.json").write_text(json.dumps({"keys": entries}))
    environment = {"AUTH": "key", "API_KEYS_FILE": str(folder / "keys.json")}
    with (
        ValkeyServer.start(folder=folder, persistent=False) as valkey,
        instances_on(valkey.url, count=1, environment=environment) as [instance],
    ):
        yield instance


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EVENTSTORE_URL", "EVENTSTORE_TOKEN", "EVENTSTORE_API_KEY", "EVENTSTORE_WEBSOCKET_URL", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


class Doctor:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *arguments: str, code: int) -> dict[str, dict[str, Any]]:
        """The checks by name."""
        assert main(["doctor", *arguments, "--output", "json"]) == code
        return {check["name"]: check for check in json.loads(self._capsys.readouterr().out)}

    def failed(self, *arguments: str, code: int) -> dict[str, Any]:
        """The only check that failed."""
        [check] = [check for check in self.run(*arguments, code=code).values() if check["status"] == "failed"]
        assert check["advice"]
        return check


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    return Doctor(capsys)


@contextmanager
def answering(status: int, body: str, headers: Mapping[str, str]) -> Iterator[str]:
    """Run a program that answers every request in the same way."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET  # noqa: N815 - the name that the library calls

        def log_message(self, *_: object) -> None:
            """Requests are not logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestHub:
    def test_all_checks_pass_with_a_key_of_all_scopes(self, doctor: Doctor, server: Instance) -> None:
        checks = doctor.run("--url", server.url, "--api-key", "key-all", code=0)

        assert {name: check["status"] for name, check in checks.items()} == {
            "client": "ok",
            "address": "ok",
            "credentials": "ok",
            "proxy": "ok",
            "DNS": "ok",
            "TCP": "ok",
            "TLS": "skipped",
            "health": "ok",
            "versions": "ok",
            "clock": "ok",
            "scopes": "ok",
            "WebSocket": "ok",
        }
        assert checks["address"]["found"] == f"{server.url} (--url)"
        assert checks["scopes"]["found"] == "publish, read, subscribe, admin"
        assert checks["WebSocket"]["found"].startswith(f"{server.url.replace('http', 'ws')}/ws, answers a ping in ")
        assert "key-all" not in json.dumps(checks)

    @pytest.mark.parametrize("path", ["/api/v1", "/api/v1/"])
    def test_an_address_with_the_path_of_the_api_is_a_failure(
        self, doctor: Doctor, server: Instance, path: str
    ) -> None:
        failed = doctor.failed("--url", server.url + path, code=1)

        assert failed["name"] == "address"
        assert failed["advice"] == f"use {server.url}: the client adds /api/v1 itself"

    def test_the_scopes_of_a_key_are_found(self, doctor: Doctor, server: Instance) -> None:
        checks = doctor.run("--url", server.url, "--token", "key-publisher", code=0)

        assert checks["scopes"]["found"] == "publish; not read, subscribe, admin"
        assert checks["WebSocket"]["status"] == "ok"

    def test_a_key_that_cannot_connect_is_a_failure(self, doctor: Doctor, server: Instance) -> None:
        failed = doctor.failed("--url", server.url, "--api-key", "key-reader", code=1)

        assert failed["name"] == "WebSocket"
        assert failed["advice"] == "use credentials with the scope subscribe or publish"

    def test_nothing_is_stored(self, doctor: Doctor, server: Instance, capsys: pytest.CaptureFixture[str]) -> None:
        doctor.run("--url", server.url, "--api-key", "key-all", code=0)

        main(["stats", "--url", server.url, "--api-key", "key-all", "--output", "json"])
        assert json.loads(capsys.readouterr().out)["streams"] == 0

    @pytest.mark.parametrize("options", [[], ["--api-key", "unknown"]])
    def test_refused_credentials_are_a_failure(self, doctor: Doctor, server: Instance, options: list[str]) -> None:
        checks = doctor.run("--url", server.url, *options, code=1)

        assert checks["health"]["status"] == "failed"
        assert "HTTP 401" in checks["health"]["found"]
        assert "--api-key" in checks["health"]["advice"]
        assert checks["WebSocket"]["status"] == "failed"

    def test_a_file_of_credentials_that_others_read_is_a_warning(
        self, doctor: Doctor, server: Instance, tmp_path: Path
    ) -> None:
        file = tmp_path / "key"
        file.write_text("key-all")
        file.chmod(0o644)

        main(["context", "add", "here", "--url", server.url, "--api-key-file", str(file), "--use"])
        for options in ([], ["--url", server.url, "--api-key-file", str(file)]):
            checks = doctor.run(*options, code=0)
            assert checks["credentials"]["status"] == "warning"
            assert checks["credentials"]["advice"] == f"run chmod 600 {file}"
        file.chmod(0o600)
        assert doctor.run(code=0)["credentials"]["status"] == "ok"

    def test_a_certificate_is_checked(
        self, doctor: Doctor, server: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authority = Authority.make(tmp_path / "authority")
        with tls_in_front_of(int(server.url.rpartition(":")[2]), authority) as port:
            options = ["--url", f"https://127.0.0.1:{port}", "--websocket-url", f"wss://127.0.0.1:{port}/ws"]
            failed = doctor.failed(*options, "--api-key", "key-all", code=3)
            monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
            checks = doctor.run(*options, "--api-key", "key-all", code=0)

        assert failed["name"] == "TLS"
        assert "certificate" in failed["found"]
        assert "SSL_CERT_FILE" in failed["advice"]
        assert checks["TLS"]["status"] == "warning"
        assert "renew the certificate" in checks["TLS"]["advice"]
        assert checks["WebSocket"]["status"] == "ok"

    def test_people_get_a_line_for_each_check(self, server: Instance, capsys: pytest.CaptureFixture[str]) -> None:
        main(["doctor", "--url", server.url, "--api-key", "key-reader"])

        lines = capsys.readouterr().out.splitlines()
        assert lines[1].split() == ["ok", "address", server.url, "(--url)"]
        assert lines[-1].strip() == "use credentials with the scope subscribe or publish"


@pytest.mark.parametrize(
    ("arguments", "name", "reason", "code"),
    [
        (["--url", "ftp://x"], "address", "ftp://x (--url)", 1),
        (["--url", "http://nowhere.invalid"], "DNS", "nowhere.invalid: ", 3),
        (["--url", "http://a..b:1"], "DNS", "a..b: no name of a host", 3),
        (["--url", "http://127.0.0.1:9", "--api-key-file", "nowhere"], "credentials", "nowhere: cannot be read", 1),
        (["--url", "http://127.0.0.1:9"], "TCP", "127.0.0.1:9: Connection refused", 3),
    ],
)
def test_the_first_step_that_fails_is_the_last(
    doctor: Doctor, arguments: list[str], name: str, reason: str, code: int
) -> None:
    checks = doctor.run(*arguments, code=code)

    assert [*checks][-1] == name
    assert checks[name]["found"].startswith(reason)
    assert checks[name]["advice"]


def test_an_address_of_grpc_is_to_be_checked_over_http(doctor: Doctor) -> None:
    check = doctor.failed("--url", "grpc://127.0.0.1:9001", code=1)

    assert check["found"] == "grpc://127.0.0.1:9001 (--url) is one of gRPC"
    assert check["advice"] == "check the hub by its HTTP address, such as http://127.0.0.1:8081"


def test_an_address_with_a_password_is_shown_without_it(doctor: Doctor) -> None:
    assert "secret" not in json.dumps(doctor.run("--url", "http://me:secret@127.0.0.1:9", code=3))


def test_a_proxy_that_is_not_there_is_named(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:secret@127.0.0.1:9")

    checks = doctor.run("--url", "http://hub.example.com", code=3)

    assert checks["proxy"]["found"] == "http://127.0.0.1:9"
    assert checks["TCP"]["status"] == "failed"
    assert "secret" not in json.dumps(checks)


def test_credentials_are_not_sent_unencrypted(doctor: Doctor) -> None:
    checks = doctor.run("--url", "http://nowhere.invalid", "--api-key", "k", code=3)

    assert checks["credentials"]["status"] == "failed"
    assert "is not encrypted" in checks["credentials"]["found"]


def test_another_program_is_no_hub(doctor: Doctor) -> None:
    with answering(200, "<html>", {}) as url:
        checks = doctor.run("--url", url, code=3)

    assert checks["health"]["status"] == "failed"
    assert checks["health"]["advice"] == "use the address of a hub: this is another program"


def test_a_hub_without_its_store_is_unavailable(doctor: Doctor) -> None:
    with answering(503, '{"code":"store-unavailable","detail":"the store does not respond"}', {}) as url:
        checks = doctor.run("--url", url, code=3)

    assert checks["health"]["found"] == "HTTP 503: the store does not respond"
    assert checks["health"]["status"] == "failed"


def test_a_clock_that_differs_is_a_failure(doctor: Doctor) -> None:
    health = '{"status":"ok","version":"0.1.0","backend":"redis"}'
    with answering(200, health, {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"}) as url:
        checks = doctor.run("--url", url, code=3)

    assert checks["clock"]["status"] == "failed"
    assert "ahead of the hub" in checks["clock"]["found"]
    assert "NTP" in checks["clock"]["advice"]


@pytest.mark.parametrize(("version", "status"), [("0.1.9", "ok"), ("0.2.0", "warning"), ("1.0.0", "warning")])
def test_versions_are_compared(doctor: Doctor, version: str, status: str) -> None:
    with answering(200, f'{{"status":"ok","version":"{version}","backend":"redis"}}', {}) as url:
        checks = doctor.run("--url", url, code=3)

    assert checks["versions"]["status"] == status
    assert checks["clock"]["status"] == "skipped"
