"""The options of the gRPC door, read once from the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from eventstore.errors import SettingsError
from functions.authorizer.checking import credential_checker
from functions.authorizer.settings import AuthorizerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore.access import Access

__all__ = ["GrpcOptions"]

_HOST = "127.0.0.1"
_PORT = 9001
_HIGHEST_PORT = 65_535
_BUFFER_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class GrpcOptions:
    """The options of the gRPC door.

    Attributes:
        host: The address that is bound (`HOST`).
        port: The port (`GRPC_PORT`); 0 lets the operating system choose.
        check: Returns the access of a credential, or raises `Unauthorized`; None if no credential is required (`AUTH`).
        certificate: The certificate chain of the server in PEM (`GRPC_TLS_CERT`, a file); None serves without TLS.
        private_key: The private key of the certificate in PEM (`GRPC_TLS_KEY`, a file).
        client_authorities: The authorities that certificates of clients are required from, in PEM
            (`GRPC_TLS_CLIENT_CA`, a file); None requires none.
        buffer_bytes: The bytes of frames that may wait for one client (`GRPC_BUFFER_BYTES`).
        message_bytes: The longest message that is received: the largest publish fits, in either form of events.
        keepalive_seconds: After how many seconds without traffic a client is pinged.
    """

    host: str = _HOST
    port: int = _PORT
    check: Callable[[str], Access] | None = None
    certificate: bytes | None = field(default=None, repr=False)
    private_key: bytes | None = field(default=None, repr=False)
    client_authorities: bytes | None = field(default=None, repr=False)
    buffer_bytes: int = _BUFFER_BYTES
    message_bytes: int = 6 * 1024 * 1024
    keepalive_seconds: int = 30

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> GrpcOptions:
        """Read the options. An empty variable counts as unset.

        Raises:
            SettingsError: A variable has an invalid value, or a file cannot be read.
        """
        certificate = _file(environment, "GRPC_TLS_CERT")
        private_key = _file(environment, "GRPC_TLS_KEY")
        authorities = _file(environment, "GRPC_TLS_CLIENT_CA")
        if (certificate is None) != (private_key is None):
            raise SettingsError("GRPC_TLS_CERT and GRPC_TLS_KEY belong together; set both, or neither")
        if authorities is not None and certificate is None:
            raise SettingsError("GRPC_TLS_CLIENT_CA requires TLS; set GRPC_TLS_CERT and GRPC_TLS_KEY")
        auth = environment.get("AUTH") or "none"
        if auth == "iam":
            raise SettingsError(
                "AUTH=iam is checked by AWS in front of the hub, and nothing checks it here; use jwt or key"
            )
        return cls(
            host=environment.get("HOST") or _HOST,
            port=_integer(environment, "GRPC_PORT", _PORT, most=_HIGHEST_PORT),
            check=None if auth == "none" else credential_checker(AuthorizerSettings.from_environment(environment)),
            certificate=certificate,
            private_key=private_key,
            client_authorities=authorities,
            buffer_bytes=_integer(environment, "GRPC_BUFFER_BYTES", _BUFFER_BYTES, most=2**40),
        )

    def credentials(self) -> grpc.ServerCredentials | None:
        """Return the credentials of the server; None without TLS."""
        if self.certificate is None or self.private_key is None:
            return None
        return grpc.ssl_server_credentials(
            [(self.private_key, self.certificate)],
            root_certificates=self.client_authorities,
            require_client_auth=self.client_authorities is not None,
        )


def _file(environment: Mapping[str, str], name: str) -> bytes | None:
    path = environment.get(name)
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SettingsError(f"{name}={path} cannot be read: {error.strerror}") from None


def _integer(environment: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or int(text) > most:
        raise SettingsError(f"{name} is {text!r}; it is an integer from 0 to {most}")
    return int(text)
