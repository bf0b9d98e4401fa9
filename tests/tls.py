"""TLS for a Valkey that was built without: a proxy that ends it, and authorities made for one test run."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Authority", "tls_in_front_of"]

_LOCAL = "127.0.0.1"


@dataclass(frozen=True)
class Authority:
    """One that certifies 127.0.0.1, and nothing else.

    Attributes:
        certificate: The file that who trusts it names.
        server: What a server presents.
    """

    certificate: Path
    server: ssl.SSLContext

    @classmethod
    def make(cls, folder: Path) -> Authority:
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
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(_LOCAL))]), critical=True)
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


@contextmanager
def tls_in_front_of(port: int, authority: Authority) -> Iterator[int]:
    """A port of 127.0.0.1 that speaks TLS and hands on to `port` what it is told."""
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    opened: list[int] = []
    ready = threading.Event()
    writers: set[asyncio.StreamWriter] = set()
    serving: set[asyncio.Task[None] | None] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while some := await reader.read(65536):
                writer.write(some)
                await writer.drain()
        writer.transport.abort()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(_LOCAL, port)
            writers.add(far_writer)
            await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
            writers.discard(far_writer)
        except OSError:
            writer.transport.abort()
        writers.discard(writer)
        serving.discard(asyncio.current_task())

    async def run() -> None:
        # Who trusts another authority ends the handshake: that is the test's affair, not worth a line on the terminal.
        loop.set_exception_handler(lambda _loop, _about: None)
        server = await asyncio.start_server(serve, _LOCAL, 0, ssl=authority.server)
        opened.append(server.sockets[0].getsockname()[1])
        ready.set()
        await stop.wait()
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*(task for task in serving if task))
        # Transports close their sockets a turn of the loop after they were told.
        await asyncio.sleep(0)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield opened[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
