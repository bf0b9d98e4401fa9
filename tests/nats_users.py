"""Users of NATS who connect by keys: nkeys, and JSON Web Tokens of an operator, made for one test."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eventstore.adapters.nats.nkeys import encoded

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Nkey", "Operator"]

_PREFIXES = {"operator": 14 << 3, "account": 0, "user": 20 << 3}
_ACCOUNT_LIMITS = {
    **dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1),
    **dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1),
    "wildcards": True,
}
_USER_LIMITS = dict.fromkeys(("subs", "data", "payload"), -1)


class Nkey:
    """A new key of an operator, an account or a user.

    Attributes:
        public: The public key.
        seed: The private key.
    """

    def __init__(self, kind: str) -> None:
        prefix = _PREFIXES[kind]
        self._key = Ed25519PrivateKey.generate()
        self.public = encoded(bytes([prefix]), self._key.public_key().public_bytes_raw())
        self.seed = encoded(bytes([18 << 3 | prefix >> 5, (prefix & 31) << 3]), self._key.private_bytes_raw())

    def token(self, subject: str, claims: dict[str, object], **more: object) -> str:
        """Sign a token about the owner of a key."""
        header = {"typ": "JWT", "alg": "ed25519-nkey"}
        payload = {"iss": self.public, "sub": subject, "jti": "1", "iat": 1, "nats": {**claims, "version": 2}, **more}
        content = b".".join(_encoded(json.dumps(part).encode()) for part in (header, payload))
        return (content + b"." + _encoded(self._key.sign(content))).decode()


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator with an account that has JetStream.

    Attributes:
        configuration: Has a server trust the operator.
        account: The key of the account.
    """

    configuration: str
    account: Nkey

    @classmethod
    def new(cls) -> Operator:
        operator, account, system = Nkey("operator"), Nkey("account"), Nkey("account")
        of_account = operator.token(account.public, {"type": "account", "limits": _ACCOUNT_LIMITS})
        of_system = operator.token(
            system.public, {"type": "account", "limits": {**_ACCOUNT_LIMITS, "mem_storage": 0, "disk_storage": 0}}
        )
        configuration = f"""
            operator: {operator.token(operator.public, {"type": "operator"})}
            system_account: {system.public}
            resolver: MEMORY
            resolver_preload: {{ {account.public}: {of_account}, {system.public}: {of_system} }}
        """
        return cls(configuration, account)

    def write_credentials(self, file: Path, *, expires: int = 0) -> None:
        """Write credentials of a new user, in the form of `nsc generate creds`.

        Args:
            file: The file.
            expires: When they expire, in seconds since 1970; 0 for never.
        """
        user = Nkey("user")
        expiry = {"exp": expires} if expires else {}
        token = self.account.token(user.public, {"type": "user", **_USER_LIMITS}, **expiry)
        file.write_text(
            f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            "************************* IMPORTANT *************************\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
        )


def _encoded(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")
