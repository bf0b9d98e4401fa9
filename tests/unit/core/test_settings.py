from __future__ import annotations

import pytest

from eventstore.errors import SettingsError
from eventstore.hub.archive_url import ArchiveUrl
from eventstore.hub.settings import Settings


def test_without_variables_the_defaults_hold() -> None:
    assert Settings.from_environment({}) == Settings(
        backend="redis",
        redis_url="redis://127.0.0.1:6379",
        partitions=None,
        shards=None,
        log_level="INFO",
        bells_url="",
        deliveries_url="",
        alarms_url="",
        letters_url="",
        connections_url="",
        rest_url="",
    )


def test_variables_are_read() -> None:
    environment = {
        "REDIS_URL": "rediss://h:1?cluster=true",
        "PARTITIONS": "32",
        "SHARDS": "64",
        "LOG_LEVEL": "DEBUG",
        "BACKEND": "redis",
        "BELLS_QUEUE_URL": "http://q/bells.fifo",
        "DELIVERIES_QUEUE_URL": "http://q/deliveries.fifo",
        "ALARMS_QUEUE_URL": "http://q/alarms",
        "DEAD_LETTERS_QUEUE_URL": "http://q/letters.fifo",
        "CONNECTIONS_URL": "https://gateway/ws",
        "REST_URL": "https://gateway/v1/",
        "ARCHIVE_URL": "s3://a-bucket/hubs/orders",
    }
    assert Settings.from_environment(environment) == Settings(
        backend="redis",
        redis_url="rediss://h:1?cluster=true",
        partitions=32,
        shards=64,
        log_level="DEBUG",
        bells_url="http://q/bells.fifo",
        deliveries_url="http://q/deliveries.fifo",
        alarms_url="http://q/alarms",
        letters_url="http://q/letters.fifo",
        connections_url="https://gateway/ws",
        rest_url="https://gateway/v1",
        archive=ArchiveUrl("a-bucket", "hubs/orders/"),
    )


def test_an_empty_variable_is_an_unset_one() -> None:
    assert Settings.from_environment({"PARTITIONS": "", "REDIS_URL": ""}) == Settings.from_environment({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BACKEND", "postgres"),
        ("PARTITIONS", "0"),
        ("PARTITIONS", "-1"),
        ("PARTITIONS", "ten"),
        ("PARTITIONS", "10000"),
        ("SHARDS", "0"),
        ("SHARDS", "many"),
        ("LOG_LEVEL", "loud"),
        ("LOOPBACK_TARGETS", "yes"),
    ],
)
def test_an_invalid_value_is_reported_with_the_valid_ones(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is '{value}'; it "):
        Settings.from_environment({name: value})


def test_the_password_of_the_store_is_shown_nowhere() -> None:
    assert "hidden" not in repr(Settings.from_environment({"REDIS_URL": "rediss://hub:hidden@host"}))
    with pytest.raises(SettingsError, match="REDIS_URL starts with something else") as refused:
        Settings.from_environment({"REDIS_URL": "hub:hidden@host"})
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        ("", ()),
        ("*", ("*",)),
        (" https://app.example , http://localhost:* ", ("https://app.example", "http://localhost:*")),
        ("null,chrome-extension://abc,http://[::1]:3000", ("null", "chrome-extension://abc", "http://[::1]:3000")),
    ],
)
def test_origins_are_read_as_browsers_write_them(value: str, origins: tuple[str, ...]) -> None:
    assert Settings.from_environment({"ALLOWED_ORIGINS": value}).allowed_origins == origins


@pytest.mark.parametrize(
    "value", ["app.example", "https://app.example/", "https://App.example", "https://*.example", "https://u@a.example"]
)
def test_an_invalid_origin_is_reported(value: str) -> None:
    with pytest.raises(SettingsError, match="ALLOWED_ORIGINS has"):
        Settings.from_environment({"ALLOWED_ORIGINS": value})


@pytest.mark.parametrize(("value", "allowed"), [("", False), ("false", False), ("true", True)])
def test_targets_are_on_this_machine_only_where_it_is_said(value: str, allowed: bool) -> None:  # noqa: FBT001 - a case
    assert Settings.from_environment({"LOOPBACK_TARGETS": value}).loopback_targets is allowed


def test_the_topic_for_other_programs_needs_a_journal_on_kafka() -> None:
    kafka = {"BACKEND": "kafka", "KAFKA_EVENTS_TOPIC": "shop.orders-1"}
    assert Settings.from_environment(kafka).kafka_events_topic == "shop.orders-1"
    assert Settings.from_environment({"KAFKA_EVENTS_TOPIC": ""}).kafka_events_topic == ""
    for backend in ("", "redis", "nats"):
        with pytest.raises(SettingsError, match="only a hub with BACKEND=kafka writes such a topic"):
            Settings.from_environment(kafka | {"BACKEND": backend})


@pytest.mark.parametrize("name", ["a b", ".", "..", "a/b", "a" * 151, "ä", "a\n"])
def test_a_name_that_is_no_topic_of_kafka_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"KAFKA_EVENTS_TOPIC is .*; it takes 1 to 150 letters, digits, dots"):
        Settings.from_environment({"BACKEND": "kafka", "KAFKA_EVENTS_TOPIC": name})


def test_the_topic_of_the_journal_is_not_the_one_for_other_programs() -> None:
    for variables in ({"KAFKA_EVENTS_TOPIC": "eventstore"}, {"KAFKA_EVENTS_TOPIC": "own", "JOURNAL": "own"}):
        with pytest.raises(SettingsError, match="which is the topic of the journal"):
            Settings.from_environment({"BACKEND": "kafka", **variables})


@pytest.mark.parametrize(
    ("url", "archive"),
    [
        ("", None),
        ("s3://archive", ArchiveUrl("archive")),
        ("s3://archive/", ArchiveUrl("archive")),
        ("s3://my.archive-1/a/b_c/", ArchiveUrl("my.archive-1", "a/b_c/")),
        ("file:///var/lib/archive", ArchiveUrl(folder="/var/lib/archive")),
        ("file:///with%20a%20blank/", ArchiveUrl(folder="/with a blank")),
    ],
)
def test_the_place_of_the_archive_is_a_bucket_or_a_folder(url: str, archive: ArchiveUrl | None) -> None:
    assert Settings.from_environment({"ARCHIVE_URL": url}).archive == archive


@pytest.mark.parametrize(
    "url",
    [
        "archive",
        "/var/lib/archive",
        "http://archive",
        "s3:archive",
        "s3://",
        "s3://A-Bucket",
        "s3://ab",
        "s3://archive//a",
        "s3://archive/a b",
        "s3://archive/../a",
        "s3://archive?x=1",
        "file://archive",
        "file://host/archive",
        "file:///",
        "file:///a/../b",
        "file:///a?b",
    ],
)
def test_another_place_of_the_archive_is_refused_with_what_is_right(url: str) -> None:
    with pytest.raises(
        SettingsError, match=r"^ARCHIVE_URL is '.*; it is s3://bucket, s3://bucket/prefix, or file:///folder"
    ):
        Settings.from_environment({"ARCHIVE_URL": url})
