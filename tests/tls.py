"""TLS for a Valkey built without it: a terminating proxy, and certificate authorities for one test run."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.relays import relaying

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["Authority", "tls_in_front_of"]

_LOCAL = "127.0.0.1"


@dataclass(frozen=True)
class Authority:
    """An authority that certifies 127.0.0.1 and the given names.

    Attributes:
        certificate: The file that who trusts it names.
        server: What a server presents.
    """

    certificate: Path
    server: ssl.SSLContext

    @classmethod
    def make(cls, folder: Path, *, names: Sequence[str] = ()) -> Authority:
        folder.mkdir(parents=True, exist_ok=True)
        key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of the tests")])
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        own = (
            _certificate(name, key.public_key(), issuer=name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(certifies=True), critical=True)
            .add_extension(identifier, critical=False)
            .sign(key, hashes.SHA256())
        )
        server = (
            _certificate(x509.Name([]), server_key.public_key(), issuer=name)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ip_address(_LOCAL)), *map(x509.DNSName, names)]),
                critical=True,
            )
            .add_extension(_usage(certifies=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
            .sign(key, hashes.SHA256())
        )
        certificate, pair = folder / "authority.pem", folder / "server.pem"
        certificate.write_bytes(own.public_bytes(serialization.Encoding.PEM))
        pair.write_bytes(
            server_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + server.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
        return cls(certificate, context)


def _certificate(subject: x509.Name, key: ec.EllipticCurvePublicKey, *, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _usage(*, certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certifies,
        key_cert_sign=certifies,
        crl_sign=certifies,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def tls_in_front_of(port: int, authority: Authority) -> AbstractContextManager[int]:
    """Listen on a TLS port of 127.0.0.1 that forwards to `port`."""
    return relaying(port, tls=authority.server)
