from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import example, given
from hypothesis import strategies as st

from eventstore.adapters.aws.service_calls import encoded
from eventstore.adapters.aws.signature import Keys, Signer, canonical_query

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "the-token")
NOW = 1_764_000_000.0
HOST = "abc.execute-api.eu-west-1.amazonaws.com"


def by_botocore(method: str, path: str, body: bytes, *, headers: Mapping[str, str], keys: Keys, seconds: float) -> str:
    """The header that botocore signs the same request with."""
    request = AWSRequest(method, f"https://{HOST}{path}", headers=dict(headers), data=body)
    signer = SigV4Auth(Credentials(*keys[:2], keys.token or None), "execute-api", "eu-west-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: datetime.fromtimestamp(seconds, UTC))
        signer.add_auth(request)
    return str(request.headers["Authorization"])


@given(
    method=st.sampled_from(["POST", "DELETE", "GET"]),
    parts=st.lists(st.text(min_size=1).filter(lambda part: part not in {".", ".."}), min_size=1),
    body=st.binary(),
    headers=st.dictionaries(
        st.from_regex(r"x-[a-z][a-z-]{0,20}", fullmatch=True).filter(lambda name: name != "x-amz-date"),
        st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True).filter(lambda text: "  " not in text),
        max_size=5,
    ),
    token=st.sampled_from(["", "the-token"]),
    seconds=st.integers(0, 4_000_000_000),
)
def test_a_request_is_signed_as_botocore_signs_it(
    *, method: str, parts: list[str], body: bytes, headers: dict[str, str], token: str, seconds: int
) -> None:
    path = "/@connections/" + "/".join(map(encoded, parts))
    keys = KEYS._replace(token=token)
    signer = Signer("execute-api", "eu-west-1", lambda: keys)
    signed = signer.signed(method, path, body, host=HOST, headers=headers, seconds=seconds)
    assert signed["authorization"] == by_botocore(method, path, body, headers=headers, keys=keys, seconds=seconds)
    assert signed.get("x-amz-security-token", "") == token


@example(method="GET", parts=["key"], body=b"", query={"list": "1", "list-type": "2"}, seconds=0)
@given(
    method=st.sampled_from(["PUT", "DELETE", "GET"]),
    parts=st.lists(st.text(min_size=1).filter(lambda part: part not in {".", ".."}), min_size=1),
    body=st.binary(),
    query=st.dictionaries(st.text(min_size=1), st.text(), max_size=4),
    seconds=st.integers(0, 4_000_000_000),
)
def test_a_request_to_s3_is_signed_as_botocore_signs_it(
    *, method: str, parts: list[str], body: bytes, query: dict[str, str], seconds: int
) -> None:
    path = "/bucket/" + "/".join(map(encoded, parts))
    sent = canonical_query(query)
    request = AWSRequest(method, f"https://{HOST}{path}", headers={"if-none-match": "*"}, data=body, params=query)
    signer = S3SigV4Auth(Credentials(*KEYS), "s3", "eu-west-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: datetime.fromtimestamp(seconds, UTC))
        # Over HTTPS, S3 need not verify the body, and botocore then leaves it out of the signature.
        request.context["payload_signing_enabled"] = True
        signer.add_auth(request)
    signed = Signer("s3", "eu-west-1", lambda: KEYS).signed(
        method, path, body, host=HOST, headers={"if-none-match": "*"}, seconds=seconds, query=sent
    )
    assert signed["authorization"] == request.headers["Authorization"]
    assert signed["x-amz-content-sha256"] == request.headers["X-Amz-Content-SHA256"]


def test_a_signature_follows_the_day_and_the_keys() -> None:
    now = SimpleNamespace(keys=KEYS)
    signer = Signer("execute-api", "eu-west-1", lambda: now.keys)
    for keys in (KEYS, Keys("OTHER", "another-secret"), KEYS):
        for seconds in (NOW, NOW + 86_400, NOW):
            now.keys = keys
            signed = signer.signed("POST", "/a", b"", host=HOST, headers={}, seconds=seconds)
            assert signed["authorization"] == by_botocore("POST", "/a", b"", headers={}, keys=keys, seconds=seconds)
