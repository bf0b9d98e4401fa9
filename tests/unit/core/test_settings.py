from __future__ import annotations

import pytest

from eventstore.settings import Settings, SettingsError


def test_without_variables_the_defaults_hold() -> None:
    assert Settings.from_environment({}) == Settings("redis", "redis://127.0.0.1:6379", None, "INFO")


def test_variables_are_read() -> None:
    environment = {
        "REDIS_URL": "rediss://h:1?cluster=true",
        "PARTITIONS": "32",
        "LOG_LEVEL": "DEBUG",
        "BACKEND": "redis",
    }
    assert Settings.from_environment(environment) == Settings("redis", "rediss://h:1?cluster=true", 32, "DEBUG")


def test_an_empty_variable_is_an_unset_one() -> None:
    assert Settings.from_environment({"PARTITIONS": "", "REDIS_URL": ""}) == Settings.from_environment({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BACKEND", "postgres"),
        ("REDIS_URL", "http://h"),
        ("PARTITIONS", "0"),
        ("PARTITIONS", "-1"),
        ("PARTITIONS", "ten"),
        ("PARTITIONS", "10000"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is '{value}'; it "):
        Settings.from_environment({name: value})
