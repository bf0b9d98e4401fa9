from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from eventstore_client import Backoff, Bearer, ConnectFailed, EventStore, Unencrypted
from eventstore_client.proxies import Proxy, proxy_for
from tests.functional.client.small_proxy import SmallProxy
from tests.tls import Authority, tls_in_front_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.functional.client.fake_hub import FakeHub
    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

NAMES = ("hub.test", "live.test")
EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "workflowid": "wf"}
ONCE = Backoff(patience=0.0)
SECRET = "sesame-opens"  # noqa: S105 - of the tests alone


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def proxy() -> Iterator[SmallProxy]:
    with SmallProxy().running() as proxy:
        yield proxy


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    made = Authority.make(tmp_path / "authority", names=NAMES)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
    return made


def port_of(url: str) -> int:
    return urlsplit(url).port or 0


def test_a_request_over_https_goes_through_a_tunnel_and_shows_the_proxy_nothing(
    hub: FakeHub,
    proxy: SmallProxy,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    open_store: Callable[..., EventStore],
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")

    with (
        tls_in_front_of(port_of(hub.url), authority) as port,
        open_store(f"https://hub.test:{port}", credentials=Bearer(SECRET), backoff=ONCE) as store,
    ):
        store.publish([EVENT])

    [line] = proxy.lines
    assert line.startswith(f"CONNECT hub.test:{port} ")
    assert hub.received[0].headers["Authorization"] == f"Bearer {SECRET}"
    assert SECRET.encode() not in proxy.seen
    assert b"specversion" not in proxy.seen


def test_a_websocket_goes_through_a_tunnel_and_shows_the_proxy_nothing(
    live_hub: FakeWebSocketHub,
    proxy: SmallProxy,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    open_store: Callable[..., EventStore],
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")

    with tls_in_front_of(port_of(live_hub.url), authority) as port:
        url = f"wss://live.test:{port}/ws"
        with (
            open_store("https://hub.test", websocket_url=url, credentials=Bearer(SECRET), backoff=ONCE) as store,
            store.subscribe(patience=0.0),
        ):
            pass

    [line] = proxy.lines
    assert line.startswith(f"CONNECT live.test:{port} ")
    assert SECRET.encode() not in proxy.seen


@pytest.mark.parametrize("variable", ["http_proxy", "ALL_PROXY", "HTTP_PROXY"])
def test_a_request_in_the_clear_goes_through_the_proxy_by_its_whole_address(
    hub: FakeHub,
    proxy: SmallProxy,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    open_store: Callable[..., EventStore],
) -> None:
    monkeypatch.setenv(variable, f"127.0.0.1:{proxy.port}")
    url = f"http://hub.test:{port_of(hub.url)}"

    with open_store(url, backoff=ONCE) as store:
        store.publish([EVENT])

    assert proxy.lines == [f"POST {url}/api/v1/events HTTP/1.1"]


def test_a_websocket_in_the_clear_takes_the_proxy_of_http(
    live_hub: FakeWebSocketHub,
    proxy: SmallProxy,
    monkeypatch: pytest.MonkeyPatch,
    open_store: Callable[..., EventStore],
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    port = port_of(live_hub.url)

    with (
        open_store("http://hub.test", websocket_url=f"ws://live.test:{port}/ws", backoff=ONCE) as store,
        store.subscribe(patience=0.0),
    ):
        pass

    assert proxy.lines == [f"CONNECT live.test:{port} HTTP/1.1"]


def test_credentials_are_never_shown_to_a_proxy_in_the_clear(
    proxy: SmallProxy, hub: FakeHub, monkeypatch: pytest.MonkeyPatch, open_store: Callable[..., EventStore]
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")

    with pytest.raises(Unencrypted):
        open_store("http://hub.test:1", credentials=Bearer(SECRET))
    # Credentials go to a hub on localhost in clear, so the request bypasses the proxy.
    with open_store(hub.url, credentials=Bearer(SECRET), backoff=ONCE) as store:
        store.publish([EVENT])

    assert hub.received[0].headers["Authorization"] == f"Bearer {SECRET}"
    assert proxy.heads == []


def test_credentials_in_a_proxys_address_are_sent_to_the_proxy_only(
    hub: FakeHub,
    proxy: SmallProxy,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    open_store: Callable[..., EventStore],
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{proxy.port}")

    with (
        tls_in_front_of(port_of(hub.url), authority) as port,
        open_store(f"https://hub.test:{port}", backoff=ONCE) as store,
    ):
        store.publish([EVENT])

    assert "proxy-authorization: Basic bWU6cEBzcw==" in proxy.heads[0].replace("Proxy-A", "proxy-a")
    assert "proxy-authorization" not in {name.lower() for name in hub.received[0].headers}


@pytest.mark.parametrize("refusal", ["407 Proxy Authentication Required", "503 Service Unavailable"])
def test_a_refusing_proxy_is_reported_without_its_credentials(
    proxy: SmallProxy, monkeypatch: pytest.MonkeyPatch, refusal: str, open_store: Callable[..., EventStore]
) -> None:
    proxy.refuses = refusal
    monkeypatch.setenv("ALL_PROXY", f"http://me:{SECRET}@127.0.0.1:{proxy.port}")

    with (
        open_store("https://hub.test", websocket_url="wss://live.test/ws", backoff=ONCE) as store,
        pytest.raises(
            ConnectFailed, match=rf"through the proxy http://127.0.0.1:{proxy.port}: .*{refusal[:3]}"
        ) as first,
    ):
        store.publish([EVENT])
    with (
        open_store("https://hub.test", websocket_url="wss://live.test/ws", backoff=ONCE) as store,
        pytest.raises(
            ConnectFailed, match=rf"through the proxy http://127.0.0.1:{proxy.port}: .*{refusal[:3]}"
        ) as second,
    ):
        store.subscribe(patience=0.0)

    assert SECRET not in f"{first.value!r} {second.value!r}"


def test_a_proxy_that_wants_credentials_of_a_request_in_the_clear_is_no_hub(
    proxy: SmallProxy, monkeypatch: pytest.MonkeyPatch, open_store: Callable[..., EventStore]
) -> None:
    proxy.refuses = "407 Proxy Authentication Required"
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")

    with (
        open_store("http://hub.test", backoff=ONCE) as store,
        pytest.raises(ConnectFailed, match="the proxy requires a user and a password"),
    ):
        store.publish([EVENT])


@pytest.mark.parametrize(
    ("excepted", "url", "is_asked"),
    [
        ("", "https://hub.test", True),
        ("hub.test", "https://hub.test", False),
        ("test", "https://hub.test", False),
        (".test", "wss://hub.test:8443/ws", False),
        ("other.test, hub.test", "wss://hub.test", False),
        ("hub.test:8443", "https://hub.test:8443/Prod", False),
        ("hub.test:8443", "https://hub.test", True),
        ("*", "https://hub.test", False),
        ("b.test", "https://hub.test", True),
        ("10.0.0.0/8", "https://10.1.2.3:8443", False),
        ("10.0.0.0/8", "https://11.1.2.3", True),
        ("10.1.2.3", "https://10.1.2.3", False),
        ("nonsense/8", "https://10.1.2.3", True),
        ("", "http://127.0.0.1:8081", False),
        ("", "ws://localhost:8081/ws", False),
        ("", "http://[::1]:8081", False),
    ],
)
def test_no_proxy_excepts_hosts_domains_ports_and_networks(
    monkeypatch: pytest.MonkeyPatch, excepted: str, url: str, *, is_asked: bool
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", excepted)

    assert proxy_for(url) == (Proxy("http://proxy.test:3128") if is_asked else None)


@pytest.mark.parametrize(
    "value",
    ["socks5://me:sesame-opens@proxy.test:1080", "http://", "http://me:sesame-opens@p:x", "http://me:sesame-opens/@p"],
)
def test_an_unsupported_proxy_is_refused_without_showing_its_password(
    monkeypatch: pytest.MonkeyPatch, value: str, open_store: Callable[..., EventStore]
) -> None:
    monkeypatch.setenv("ALL_PROXY", value)

    with pytest.raises(ConnectFailed, match="proxy") as refused:
        open_store("https://hub.test")

    assert SECRET not in str(refused.value)


def test_a_program_that_answers_a_request_takes_no_proxy_from_its_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    # CGI passes the header `Proxy` of a request on as HTTP_PROXY.
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    monkeypatch.setenv("HTTP_PROXY", "http://mallory.test")

    assert proxy_for("http://hub.test") is None
