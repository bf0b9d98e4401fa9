from __future__ import annotations

import pytest

from eventstore.adapters.redis.url import IamUser, RedisUrl
from eventstore.errors import SettingsError


def test_the_options_of_tls_are_handed_on_and_ours_are_not() -> None:
    parsed = RedisUrl.parse("rediss://hub:p%40ss@host:7000?cluster=true&ssl_ca_certs=%2Fca.pem")
    assert parsed == RedisUrl("rediss://hub:p%40ss@host:7000?ssl_ca_certs=%2Fca.pem", cluster=True, iam=None)


def test_with_iam_the_user_stands_in_the_tokens_only() -> None:
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
def test_a_url_that_breaks_a_rule_is_refused_and_none_of_it_repeated(url: str, rule: str) -> None:
    with pytest.raises(SettingsError, match=rule) as refused:
        RedisUrl.parse(url)
    assert "hidden" not in str(refused.value)


def test_a_password_is_not_shown_with_the_rest() -> None:
    assert "hidden" not in repr(RedisUrl.parse("redis://hub:hidden@host"))
