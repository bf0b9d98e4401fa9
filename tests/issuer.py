"""An issuer of tokens, which serves its keys on a port of 127.0.0.1."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AUDIENCE", "Issuer", "issuing"]

AUDIENCE = "https://hub.example"

_MAKING = {
    "RS256": (lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048), RSAAlgorithm),
    "ES256": (lambda: ec.generate_private_key(ec.SECP256R1()), ECAlgorithm),
    "EdDSA": (ed25519.Ed25519PrivateKey.generate, OKPAlgorithm),
}


@dataclass
class Issuer:
    """An issuer.

    Attributes:
        asked: How often its keys were fetched.
        away: Lets it answer 500.
        answer: What it answers with in place of its keys.
        breaks: Lets it break the connection within its answer.
    """

    url: str = "https://issuer.example"
    keys: dict[str, Any] = field(default_factory=dict)
    shown: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    away: bool = False
    answer: bytes | None = None
    breaks: bool = False

    def add(self, kid: str, algorithm: str = "ES256", *, shown: bool = True) -> None:
        make, kind = _MAKING[algorithm]
        private = make()
        self.keys[kid] = (private, algorithm)
        if shown:
            self.shown.append({**kind.to_jwk(private.public_key(), as_dict=True), "kid": kid, "use": "sig"})

    def claims(self) -> dict[str, object]:
        """The claims of a token that is valid for an hour."""
        now = int(time.time())
        return {"iss": self.url, "aud": AUDIENCE, "sub": "someone", "iat": now, "exp": now + 3600}

    def token(self, *, kid: str = "1", **claims: object) -> str:
        """A token that is valid for an hour; a claim that is None is left out."""
        private, algorithm = self.keys[kid]
        return jwt.encode(
            {name: value for name, value in (self.claims() | claims).items() if value is not None},
            private,
            algorithm=algorithm,
            headers={"kid": kid},
        )

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which the authorizer uses the issuer."""
        return {
            "AUTH": "jwt",
            "JWT_ISSUER": self.url,
            "JWT_AUDIENCE": AUDIENCE,
            "JWT_JWKS_URL": f"{self.url}/.well-known/jwks.json",
        }


@contextmanager
def issuing(*algorithms: str) -> Iterator[Issuer]:
    """An issuer with a key of each algorithm, by default ES256."""
    issuer = Issuer()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            content = json.dumps({"keys": issuer.shown}).encode() if issuer.answer is None else issuer.answer
            self.send_response(500 if issuer.away else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if issuer.breaks:
                # Without lingering, the close is a reset.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            else:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Requests are not logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    for number, algorithm in enumerate(algorithms or ("ES256",), 1):
        issuer.add(str(number), algorithm)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
