"""Which bearer tokens are accepted."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from eventstore.access import Access, Scope
from eventstore.errors import Unauthorized
from functions.authorizer.tokens import IssuerKeys, IssuerUnavailable, Tokens
from tests.issuer import AUDIENCE, Issuer, issuing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def shared() -> Iterator[Issuer]:
    with issuing("ES256", "RS256", "EdDSA") as issuer:
        issuer.add("unknown", shown=False)
        yield issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def encoded(content: dict[str, Any]) -> str:
    return base64url(json.dumps(content).encode())


def tokens(issuer: Issuer, **options: Any) -> Tokens:  # noqa: ANN401 - those of IssuerKeys
    keys = IssuerKeys(f"{issuer.url}/.well-known/jwks.json", **options)
    return Tokens(issuer=issuer.url, audience=AUDIENCE, keys=keys)


def test_a_token_grants_what_its_claims_say(shared: Issuer) -> None:
    token = shared.token(scope="openid read", tenants=["acme"], streams=["public."])
    assert tokens(shared).access(token) == Access.of("someone", [Scope.READ], tenants=["acme"], streams=["public."])


@pytest.mark.parametrize("kid", ["1", "2", "3"])
def test_each_asymmetric_algorithm_is_accepted(shared: Issuer, kid: str) -> None:
    assert tokens(shared).access(shared.token(kid=kid, scope="read")).scopes == {Scope.READ}


def test_a_token_of_several_audiences_is_accepted_when_one_is_the_hub(shared: Issuer) -> None:
    assert tokens(shared).access(shared.token(aud=["other", AUDIENCE])).subject == "someone"


def test_the_clock_of_the_issuer_may_differ_slightly(shared: Issuer) -> None:
    assert tokens(shared).access(shared.token(exp=int(time.time()) - 5)).subject == "someone"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1_700_000_000}, "expired"),
        ({"nbf": 4_000_000_000}, "not valid yet"),
        ({"aud": "https://other.example"}, "another audience"),
        ({"iss": "https://other.example"}, "another issuer"),
        ({"exp": None}, "must have exp"),
        ({"aud": None}, "another audience|must have exp"),
        ({"iss": None}, "must have exp"),
        ({"sub": None}, "must have exp"),
        ({"sub": ""}, "subject"),
        ({"tenants": "acme"}, "tenants must be a list"),
        ({"kid": "unknown"}, "no key"),
    ],
)
def test_an_invalid_token_is_refused_with_the_reason(shared: Issuer, claims: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unauthorized, match=reason):
        tokens(shared).access(shared.token(**claims))


def test_a_changed_token_is_refused(shared: Issuer) -> None:
    head, claims, signature = shared.token(scope="read").split(".")
    claimed = json.loads(base64.urlsafe_b64decode(claims + "=="))
    with pytest.raises(Unauthorized, match="signature is invalid"):
        tokens(shared).access(f"{head}.{encoded(claimed | {'scope': 'admin'})}.{signature}")


def test_an_unsigned_token_is_refused(shared: Issuer) -> None:
    unsigned = jwt.encode({"iss": shared.url, "sub": "s", "aud": AUDIENCE}, "", algorithm="none", headers={"kid": "1"})
    with pytest.raises(Unauthorized, match="algorithm must be"):
        tokens(shared).access(unsigned)


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(shared: Issuer) -> None:
    public = json.dumps(shared.shown[0]).encode()
    signed = f"{encoded({'alg': 'HS256', 'kid': '1'})}.{encoded({'iss': shared.url, 'sub': 's', 'aud': AUDIENCE})}"
    forged = f"{signed}.{base64url(hmac.digest(public, signed.encode(), 'sha256'))}"
    with pytest.raises(Unauthorized, match="algorithm must be"):
        tokens(shared).access(forged)


def test_a_key_verifies_its_own_algorithm_only(shared: Issuer) -> None:
    forged = jwt.encode({"sub": "s"}, shared.keys["2"][0], algorithm="RS256", headers={"kid": "1"})
    with pytest.raises(Unauthorized):
        tokens(shared).access(forged)


def test_a_token_that_names_no_key_is_refused(shared: Issuer) -> None:
    nameless = jwt.encode({"sub": "s"}, shared.keys["1"][0], algorithm="ES256")
    with pytest.raises(Unauthorized, match="kid"):
        tokens(shared).access(nameless)


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1))
def test_anything_but_a_token_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(Unauthorized) as refused:
        Tokens(issuer="i", audience="a", keys=IssuerKeys("http://127.0.0.1:9/jwks")).access(text)
    assert str(refused.value) == "the credential is not a JSON Web Token"


def test_the_keys_are_fetched_once(issuer: Issuer) -> None:
    checking = tokens(issuer)
    for _ in range(3):
        checking.access(issuer.token())
    assert issuer.asked == 1


def test_a_new_key_of_the_issuer_is_found_after_the_pause(issuer: Issuer) -> None:
    checking = tokens(issuer, pause_seconds=0)
    checking.access(issuer.token())
    issuer.add("new")
    assert checking.access(issuer.token(kid="new")).subject == "someone"
    assert issuer.asked == 2


def test_unknown_key_ids_do_not_cause_requests_to_the_issuer(issuer: Issuer) -> None:
    checking = tokens(issuer)
    checking.access(issuer.token())
    for number in range(20):
        issuer.add(f"invented-{number}", shown=False)
        with pytest.raises(Unauthorized, match="no key"):
            checking.access(issuer.token(kid=f"invented-{number}"))
    assert issuer.asked == 1


def test_an_issuer_that_does_not_answer_is_not_asked_again_at_once(issuer: Issuer) -> None:
    clock = Clock()
    checking = tokens(issuer, clock=clock)
    issuer.away = True
    for _ in range(5):
        with pytest.raises(IssuerUnavailable):
            checking.access(issuer.token())
    assert issuer.asked == 1
    issuer.away, clock.now = False, clock.now + 6
    assert checking.access(issuer.token()).subject == "someone"


@pytest.mark.parametrize(
    "answer", [b"<html>", b"\xff", b"[]", b'{"keys":[]}', b'{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}']
)
def test_an_issuer_without_keys_is_not_asked_again_at_once(issuer: Issuer, answer: bytes) -> None:
    clock = Clock()
    checking = tokens(issuer, clock=clock)
    issuer.answer = answer
    for _ in range(5):
        with pytest.raises(IssuerUnavailable):
            checking.access(issuer.token())
    assert issuer.asked == 1
    issuer.answer, clock.now = None, clock.now + 6
    assert checking.access(issuer.token()).subject == "someone"


def test_an_issuer_that_closes_the_connection_is_not_asked_again_at_once(issuer: Issuer) -> None:
    checking = tokens(issuer)
    issuer.breaks = True
    for _ in range(5):
        with pytest.raises(IssuerUnavailable):
            checking.access(issuer.token())
    assert issuer.asked == 1


def test_cached_keys_are_used_while_the_issuer_is_unavailable(issuer: Issuer) -> None:
    checking = tokens(issuer, pause_seconds=0)
    checking.access(issuer.token())
    issuer.away = True
    issuer.add("new")
    with pytest.raises(IssuerUnavailable):
        checking.access(issuer.token(kid="new"))
    assert checking.access(issuer.token()).subject == "someone"


def test_an_encryption_key_in_the_issuers_key_set_is_ignored(issuer: Issuer) -> None:
    checking = tokens(issuer)
    issuer.add("encrypting")
    issuer.shown[-1]["use"] = "enc"
    for _ in range(2):
        with pytest.raises(Unauthorized, match="no key"):
            checking.access(issuer.token(kid="encrypting"))


_SHORT = 1024
_WEAK: tuple[tuple[str, Any, str], ...] = (
    ("RS256", lambda: rsa.generate_private_key(public_exponent=65537, key_size=_SHORT), "RSA key of 1024 bits"),
    ("ES256", lambda: ec.generate_private_key(ec.SECP384R1()), "secp384r1; it must be on P-256|no key"),
    ("ES256", lambda: ec.generate_private_key(ec.SECP256K1()), "secp256k1; it must be on P-256|no key"),
)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("named", [True, False], ids=["with alg", "without alg"])
@pytest.mark.parametrize(("algorithm", "make", "reason"), _WEAK, ids=["rsa", "p-384", "secp256k1"])
def test_a_weak_key_in_the_issuers_key_set_is_ignored(
    issuer: Issuer, algorithm: str, make: Callable[[], Any], reason: str, *, named: bool
) -> None:
    private = make()
    kind = RSAAlgorithm if algorithm == "RS256" else ECAlgorithm
    jwk = {**kind.to_jwk(private.public_key(), as_dict=True), "kid": "weak", "use": "sig"}
    issuer.shown.append(jwk | ({"alg": algorithm} if named else {}))
    signed = f"{encoded({'alg': algorithm, 'kid': 'weak'})}.{encoded(issuer.claims())}"
    if algorithm == "RS256":
        signature = private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        # 32 bytes each, like the coordinates of a key on P-256, for parameters of any kind.
        size = (private.curve.key_size + 7) // 8
        r, s = decode_dss_signature(private.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(size) + s.to_bytes(size)
    checking = tokens(issuer)
    for _ in range(2):
        with pytest.raises(Unauthorized, match=reason):
            checking.access(f"{signed}.{base64url(signature)}")
    assert checking.access(issuer.token()).subject == "someone"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA", "HS256", None])
def test_a_secret_in_the_issuers_key_set_is_ignored(issuer: Issuer, algorithm: str | None) -> None:
    secret = b"x" * 32
    jwk = {"kty": "oct", "k": base64url(secret), "kid": "shared", "use": "sig"}
    issuer.shown.append(jwk | ({"alg": algorithm} if algorithm else {}))
    for alg in ("HS256", "RS256", "ES256", "EdDSA"):
        signed = f"{encoded({'alg': alg, 'kid': 'shared'})}.{encoded(issuer.claims())}"
        with pytest.raises(Unauthorized):
            tokens(issuer).access(f"{signed}.{base64url(hmac.digest(secret, signed.encode(), 'sha256'))}")


def test_a_private_key_in_the_issuers_key_set_is_ignored(issuer: Issuer) -> None:
    issuer.add("leaked", shown=False)
    issuer.shown.append({**ECAlgorithm.to_jwk(issuer.keys["leaked"][0], as_dict=True), "kid": "leaked", "use": "sig"})
    with pytest.raises(Unauthorized, match="not a public key"):
        tokens(issuer).access(issuer.token(kid="leaked"))


def test_keys_are_cached_until_they_expire(issuer: Issuer) -> None:
    checking = tokens(issuer, kept_seconds=1e-9)
    checking.access(issuer.token())
    issuer.shown.clear()
    issuer.add("new")
    with pytest.raises(Unauthorized, match="no key"):
        checking.access(issuer.token())
