from __future__ import annotations

import pytest

from eventstore.adapters.nats.address import NatsUrl
from eventstore.errors import SettingsError


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("nats://localhost", NatsUrl((("localhost", 4222),))),
        ("nats://a:1,b,[::1]:3", NatsUrl((("a", 1), ("b", 4222), ("::1", 3)))),
        ("tls://a?tls_ca=/x.pem", NatsUrl((("a", 4222),), tls=True, tls_ca="/x.pem")),
        ("nats://a?creds=/x.creds", NatsUrl((("a", 4222),), creds="/x.creds")),
        ("tls://a?nkey=/x.nk&tls_ca=/y", NatsUrl((("a", 4222),), tls=True, tls_ca="/y", nkey="/x.nk")),
        ("nats://u:p%40:q@a", NatsUrl((("a", 4222),), user="u", password="p@:q")),  # noqa: S106 - an example
        ("nats://t%2Fk@a,b", NatsUrl((("a", 4222), ("b", 4222)), token="t/k")),  # noqa: S106 - an example
    ],
)
def test_a_url_names_servers_and_who_connects(url: str, parsed: NatsUrl) -> None:
    assert NatsUrl.parse(url) == parsed


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis://a", "its scheme is not nats or tls"),
        ("nats://", "a host is missing"),
        ("nats://a,,b", "a host is missing"),
        ("nats://a:x", "a port is not a number"),
        ("nats://a:70000", "a port is not a number up to 65535"),
        ("nats://a/path", "it has a path"),
        ("nats://a?x=1", "an option that is unknown"),
        ("nats://a?nkey=x&creds=y", "it says in several ways who connects"),
        ("nats://token@a?creds=y", "it says in several ways who connects"),
    ],
)
def test_a_url_that_is_not_valid_is_refused_with_the_reason_and_the_form(url: str, why: str) -> None:
    with pytest.raises(SettingsError, match=f"NATS_URL is not valid: .*{why}.*; write nats://"):
        NatsUrl.parse(url)


def test_no_secret_of_a_url_is_in_a_message_or_a_representation() -> None:
    with pytest.raises(SettingsError) as refused:
        NatsUrl.parse("nats://user:se#cret@a")
    assert "cret" not in str(refused.value)
    assert "secret" not in repr(NatsUrl.parse("nats://user:secret@a"))
