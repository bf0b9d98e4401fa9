"""The configuration of librdkafka; a client that it makes of that accepts every name and value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, Producer

from eventstore.adapters.kafka.address import KafkaBrokers
from eventstore.adapters.kafka.configuration import (
    client_configuration,
    consumer_configuration,
    producer_configuration,
)
from eventstore.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def security(text: str) -> dict[str, object]:
    configuration = client_configuration(KafkaBrokers.parse(text))
    return {name: value for name, value in configuration.items() if name.split(".")[0] in {"security", "sasl", "ssl"}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", {"security.protocol": "PLAINTEXT"}),
        ("kafka://a?tls=true", {"security.protocol": "SSL"}),
        (
            "kafka://u:p@a?tls=true",
            {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": "u",
                "sasl.password": "p",
            },
        ),
        (
            "kafka://u:p@a?mechanism=SCRAM-SHA-256",
            {
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-256",
                "sasl.username": "u",
                "sasl.password": "p",
            },
        ),
        (
            "kafka://u:p@a?mechanism=PLAIN&tls=true",
            {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": "u", "sasl.password": "p"},
        ),
    ],
)
def test_connections_are_as_secure_as_the_setting_says(text: str, expected: dict[str, object]) -> None:
    assert security(text) == expected


def test_an_own_authority_is_named_to_the_library_and_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    assert security(f"kafka://a?tls_ca={tmp_path}/ca.pem")["ssl.ca.location"] == f"{tmp_path}/ca.pem"
    with pytest.raises(SettingsError, match="the file of tls_ca in KAFKA_BROKERS is not there"):
        security(f"kafka://a?tls_ca={tmp_path}/nowhere.pem")


def test_brokers_are_named_to_the_library() -> None:
    brokers = KafkaBrokers.parse("a,b:1,[::1]:3")
    assert client_configuration(brokers)["bootstrap.servers"] == "a:9092,b:1,[::1]:3"


def test_the_iam_of_amazon_msk_is_a_token_that_the_library_asks_for() -> None:
    asked: list[str] = []

    def token() -> tuple[str, float]:
        asked.append("token")
        return "the-token", 1.0

    configuration = client_configuration(KafkaBrokers.parse("kafka://a?mechanism=AWS_MSK_IAM"), token=token)
    assert (configuration["security.protocol"], configuration["sasl.mechanism"]) == ("SASL_SSL", "OAUTHBEARER")
    assert len(asked) == 1
    refresh = configuration["oauth_cb"]
    assert callable(refresh)
    assert refresh("") == ("the-token", 1.0)


def test_a_token_that_cannot_be_signed_fails_at_once() -> None:
    def token() -> tuple[str, float]:
        raise SettingsError("there are no keys")

    with pytest.raises(SettingsError, match="there are no keys"):
        client_configuration(KafkaBrokers.parse("kafka://a?mechanism=AWS_MSK_IAM"), token=token)


@pytest.mark.parametrize("text", ["a", "kafka://a?tls=true", "kafka://u:p@a?tls=true", "kafka://u:p@a?mechanism=PLAIN"])
def test_the_library_accepts_all_settings(text: str) -> None:
    client = client_configuration(KafkaBrokers.parse(text))
    Producer(producer_configuration(client, seconds=5)).close()
    Consumer(consumer_configuration(client, group="g")).close()


def test_a_record_is_acknowledged_by_all_and_sent_once_by_the_library() -> None:
    configuration = producer_configuration({}, seconds=0.5)
    assert configuration["acks"] == "all"
    assert configuration["retries"] == 0
    assert configuration["max.in.flight.requests.per.connection"] == 1
    assert configuration["enable.idempotence"] is False
    assert configuration["message.timeout.ms"] == 500
