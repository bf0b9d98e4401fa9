"""Which URLs the hub calls."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.durable.public_addresses import is_public
from eventstore.durable.target_urls import TargetUrl, UrlRules
from eventstore.errors import InvalidTarget

RULES = UrlRules()
LOCAL = UrlRules(allow_loopback=True)

PRIVATE = [
    "0.0.0.0",  # noqa: S104 - nothing listens there
    *("0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.0.9"),
    *("169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1"),
    *("192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
    "255.255.255.255",
    *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:93.184.215.14"),
    *("64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378::1"),
    *("2001:db8::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254"),
    *("fe80::1", "fec0::1", "ff02::1"),
]
PUBLIC = ["1.1.1.1", "93.184.215.14", "172.32.0.1", "100.63.255.255", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(InvalidTarget):
        RULES.check(f"https://{host}/")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_called(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert RULES.check(f"https://{host}/").address == ip_address(address)


@given(st.ip_addresses(v=4))
def test_no_address_is_public_that_embeds_another(address: object) -> None:
    number = int(ip_address(str(address)))
    embedded = [number, 0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80]
    assert not any(is_public(ip_address(one.to_bytes(16, "big"))) for one in embedded)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://Hooks.Example.com", ("https", "hooks.example.com", 443, "/")),
        ("HTTPS://a.example./x?y=%41&z=/?", ("https", "a.example", 443, "/x?y=%41&z=/?")),
        ("https://a.example:8443/a(b)", ("https", "a.example", 8443, "/a(b)")),
        ("https://a.example?q", ("https", "a.example", 443, "/?q")),
        ("https://xn--bcher-kva.example/", ("https", "xn--bcher-kva.example", 443, "/")),
        ("https://[2606:4700:0::1111]:1/", ("https", "2606:4700::1111", 1, "/")),
    ],
)
def test_a_url_is_read(url: str, parts: tuple[str, str, int, str]) -> None:
    assert RULES.check(url) == TargetUrl(*parts)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://a.example:443/", "a.example"),
        ("https://a.example:80/", "a.example:80"),
        ("https://[2606:4700::1111]:8443/", "[2606:4700::1111]:8443"),
    ],
)
def test_the_host_header_has_the_port_unless_it_is_the_default(url: str, authority: str) -> None:
    assert RULES.check(url).authority == authority


@pytest.mark.parametrize(
    "url",
    [
        *("http://a.example/", "ftp://a.example/", "file:///etc/passwd", "//a.example/", "a.example", "", "https:a"),
        *("https://user@a.example/", "https://user:secret@a.example/", "https://a.example@b.example/"),
        *("https://a.example/#f", "https://a.example\\@b.example/", "https://a.example/\r\nX: y", "https://a b/"),
        *("https://a.example/%", "https://a.example/%4", "https://a.example/\u00e4", "https://b\u00fccher.example/"),
        *("https://a.example:0/", "https://a.example:65536/", "https://a.example:/", "https://a.example:-1/"),
        *("https://.a.example/", "https://a..example/", "https://-a.example/", "https://a_b.example/", "https:///x"),
        *("https://a.example\u3002evil/", "https://a%2eexample/", f"https://{'a' * 64}.example/"),
        f"https://a.example/{'a' * 2048}",
        *("https://127.1/", "https://0x7f000001/", "https://2130706433/", "https://0177.0.0.1/", "https://1.2.3.4.5/"),
        *("https://127.0.0.1./", "https://a.0x7f/", "https://[::1%25eth0]/", "https://[1.2.3.4]/", "https://[::1/"),
        *("https://localhost/", "https://LOCALHOST./", "https://a.localhost/", "http://localhost/"),
    ],
)
def test_what_is_no_public_https_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidTarget) as refused:
        RULES.check(url, pointer="/target/url")
    assert refused.value.pointer == "/target/url"
    assert refused.value.code == "invalid-target"


def test_an_error_does_not_repeat_what_may_be_secret() -> None:
    with pytest.raises(InvalidTarget) as refused:
        RULES.check("https://user:hidden@a.example/hidden?token=hidden")
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8080/", "http://127.0.0.1:1/", "http://[::1]/", "https://127.0.0.1/", "http://a.localhost/"],
)
def test_this_machine_may_be_called_if_a_setting_allows_it(url: str) -> None:
    LOCAL.check(url)


@pytest.mark.parametrize(
    "url", ["http://a.example/", "http://10.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/"]
)
def test_the_setting_allows_this_machine_and_nothing_else(url: str) -> None:
    with pytest.raises(InvalidTarget):
        LOCAL.check(url)


def test_a_plain_url_of_this_machine_leads_nowhere_else() -> None:
    url = LOCAL.check("http://a.localhost/")
    LOCAL.check_addresses(url, [ip_address("127.0.0.1")])
    with pytest.raises(InvalidTarget):
        LOCAL.check_addresses(url, [ip_address("1.1.1.1")])


def test_one_address_that_is_not_public_condemns_the_others() -> None:
    url = RULES.check("https://a.example/")
    RULES.check_addresses(url, [ip_address("1.1.1.1"), ip_address("2606:4700::1111")])
    with pytest.raises(InvalidTarget, match=r"host a\.example resolves to an address that is not public") as refused:
        RULES.check_addresses(url, [ip_address("1.1.1.1"), ip_address("10.1.2.3")])
    assert "10.1.2.3" not in str(refused.value)
