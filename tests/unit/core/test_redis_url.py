from __future__ import annotations

import pytest

from eventstore.adapters.redis.url import IamUser, RedisUrl
from eventstore.errors import SettingsError


def test_tls_options_are_passed_on_and_the_hubs_own_are_not() -> None:
    parsed = RedisUrl.parse("rediss://hub:p%40ss@host:7000?cluster=true&ssl_ca_certs=%2Fca.pem")
    assert parsed == RedisUrl("rediss://hub:p%40ss@host:7000?ssl_ca_certs=%2Fca.pem", cluster=True, iam=None)


def test_with_iam_the_user_is_only_in_the_tokens() -> None:
    parsed = RedisUrl.parse("rediss://h%2Fub@host:6379?iam=Orders&serverless=true")
    assert parsed == RedisUrl("rediss://host:6379", cluster=False, iam=IamUser("h/ub", "orders", serverless=True))


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://hub:hidden@host", "not of the form"),
        ("redis://hub:hidden@", "not of the form"),
        ("redis://hub:hidden/@host:6379", "not of the form"),
        ("redis://hub:hidden#@host:6379", "not of the form"),
        ("redis://hub:hidden\u2100@host:6379", "not of the form"),
        ("redis://hub:x?hidden@host:6379", "not of the form"),
        ("redis://hub?hidden=x@host:6379", "options that are not known"),
        ("redis://hub:hidden@host?clutser=true", "options that are not known"),
        ("rediss://hub:hidden@host?ssl_cert_reqs=none", "options that are not known"),
        ("redis://hub:hidden@host?cluster=yes", "cluster= of REDIS_URL is true or false"),
        ("rediss://hub:hidden@host?iam=orders", "a user and no password"),
        ("rediss://host?iam=orders", "a user and no password"),
        ("rediss://hub@host?iam=", "iam= names the cache"),
        ("redis://hub@host?iam=orders", "starts with rediss://"),
        ("rediss://hub:hidden@host?serverless=true", "without iam="),
    ],
)
def test_an_invalid_url_is_refused_without_quoting_it(url: str, rule: str) -> None:
    with pytest.raises(SettingsError, match=rule) as refused:
        RedisUrl.parse(url)
    assert "hidden" not in str(refused.value)


def test_a_password_is_not_shown_in_the_url() -> None:
    assert "hidden" not in repr(RedisUrl.parse("redis://hub:hidden@host"))
