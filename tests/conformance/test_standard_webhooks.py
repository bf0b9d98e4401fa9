"""The vector of the Standard Webhooks reference libraries, and their way to verify, written anew."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from eventstore.adapters.http.signing import message_id, signature_headers
from eventstore.ports.secrets import SecretUnavailable, signing_keys

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - published with the vector
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
SECONDS = 1_614_265_330
PAYLOAD = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def verified(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """As a receiver does it (Standard Webhooks 1.0.0, Verifying webhook authenticity)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    versions = [signature.split(",", 1) for signature in headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(expected, given) for version, given in versions)


def headers_of(text: str, *, message: str = MESSAGE, body: bytes = PAYLOAD) -> dict[str, str]:
    return dict(signature_headers(message, body, seconds=SECONDS, keys=signing_keys("s", text)))


def test_the_published_vector_is_signed_as_published() -> None:
    assert headers_of(SECRET) == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": str(SECONDS),
        "webhook-signature": SIGNATURE,
    }
    assert verified(headers_of(SECRET), PAYLOAD, SECRET)


def test_any_other_body_or_id_has_another_signature() -> None:
    headers = headers_of(SECRET)
    assert not verified(headers, PAYLOAD + b" ", SECRET)
    assert not verified({**headers, "webhook-id": "msg_other"}, PAYLOAD, SECRET)
    assert not verified(headers, PAYLOAD, OTHER)


@pytest.mark.parametrize("separator", [" ", "\n", ",", ",\n  "])
def test_each_key_signs_while_keys_are_replaced(separator: str) -> None:
    headers = headers_of(f"{OTHER}{separator}{SECRET}\n")
    assert headers["webhook-signature"].split(" ")[1] == SIGNATURE
    assert verified(headers, PAYLOAD, OTHER)
    assert verified(headers, PAYLOAD, SECRET)


def test_without_a_key_there_is_no_signature() -> None:
    assert dict(signature_headers(MESSAGE, PAYLOAD, seconds=SECONDS, keys=())) == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": str(SECONDS),
    }


def test_an_id_is_of_the_content_and_has_no_dots() -> None:
    assert message_id(b"[1]") == message_id(b"[1]") != message_id(b"[1,2]")
    assert "." not in message_id(b"a.b")


@pytest.mark.parametrize(
    "text",
    [
        *("", " \n", "hidden", "whsec_", "whsec_hidden!", "whsec_aGlkZGVu", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        *("whsec_" + base64.b64encode(bytes(65)).decode(), f"{SECRET},hidden", '{"key":"hidden"}'),
    ],
)
def test_what_is_no_key_is_refused_by_the_name_of_the_secret(text: str) -> None:
    with pytest.raises(SecretUnavailable, match="secret 'hooks/a' must hold keys") as refused:
        signing_keys("hooks/a", text)
    assert not any(word and word in str(refused.value).replace("whsec_<", "") for word in text.split())


def test_a_key_is_not_shown() -> None:
    assert repr(signing_keys("s", SECRET)) == "(SigningKey(),)"
