from __future__ import annotations

import pytest

from eventstore.adapters.kafka.address import KafkaBrokers
from eventstore.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("localhost", KafkaBrokers((("localhost", 9092),))),
        ("a:1, b,[::1]:3", KafkaBrokers((("a", 1), ("b", 9092), ("::1", 3)))),
        ("kafka://a,b:1", KafkaBrokers((("a", 9092), ("b", 1)))),
        ("kafka://a?tls=true", KafkaBrokers((("a", 9092),), tls=True)),
        ("kafka://a?tls=false", KafkaBrokers((("a", 9092),))),
        ("kafka://a?tls_ca=/x.pem", KafkaBrokers((("a", 9092),), tls=True, tls_ca="/x.pem")),
        (
            "kafka://u:p%40:q@a,b?tls=true",
            KafkaBrokers(
                (("a", 9092), ("b", 9092)),
                tls=True,
                mechanism="SCRAM-SHA-512",
                user="u",
                password="p@:q",  # noqa: S106 - an example
            ),
        ),
        (
            "kafka://u:p@a?mechanism=PLAIN",
            KafkaBrokers((("a", 9092),), mechanism="PLAIN", user="u", password="p"),  # noqa: S106 - an example
        ),
        ("kafka://a:9098?mechanism=AWS_MSK_IAM", KafkaBrokers((("a", 9098),), tls=True, mechanism="AWS_MSK_IAM")),
    ],
)
def test_a_setting_names_brokers_and_who_connects(text: str, parsed: KafkaBrokers) -> None:
    assert KafkaBrokers.parse(text) == parsed


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a host is missing"),
        ("a,,b", "a host is missing"),
        ("a:x", "a port is not a number"),
        ("a:70000", "a port is not a number up to 65535"),
        ("a/path", "a host has more than a name and a port"),
        ("u:p@a", "a host has more than a name and a port"),
        ("nats://a", "its scheme is not kafka"),
        ("kafka://", "a host is missing"),
        ("kafka://a/path", "it has a path"),
        ("kafka://a?x=1", "an option that is unknown"),
        ("kafka://a?tls=yes", "tls is not true or false"),
        ("kafka://a?tls=false&tls_ca=/x.pem", "it has tls=false and a tls_ca"),
        ("kafka://u@a", "its mechanism needs a user and a password"),
        ("kafka://a?mechanism=PLAIN", "its mechanism needs a user and a password"),
        ("kafka://u:p@a?mechanism=GSSAPI", "its mechanism is unknown"),
        ("kafka://u:p@a?mechanism=AWS_MSK_IAM", "its mechanism takes no user"),
        ("kafka://a?mechanism=AWS_MSK_IAM&tls=false", "AWS_MSK_IAM needs tls=true"),
    ],
)
def test_a_setting_that_is_not_valid_is_refused_with_the_reason_and_the_form(text: str, why: str) -> None:
    with pytest.raises(SettingsError, match=f"KAFKA_BROKERS is not valid: .*{why}.*; write host"):
        KafkaBrokers.parse(text)


@pytest.mark.parametrize("text", ["kafka://user:se#cret@a", "user:secret@a", "kafka://user:secret@a?x=1"])
def test_no_secret_of_a_setting_is_in_a_message_or_a_representation(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        KafkaBrokers.parse(text)
    assert "cret" not in str(refused.value)
    assert "secret" not in repr(KafkaBrokers.parse("kafka://user:secret@a"))
