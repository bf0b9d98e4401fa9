"""The options of the gRPC door; those of its own are read once from the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from eventstore.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore.access import Access

__all__ = ["GrpcOptions"]

_HOST = "127.0.0.1"
_PORT = 9001
_BUFFER_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class GrpcOptions:
    """The options of the gRPC door.

    Attributes:
        host: The address that is bound.
        port: The port; 0 lets the operating system choose.
        check: Returns the access of a credential, or raises `Unauthorized`; None if no credential is required.
        certificate: The certificate chain of the server in PEM (`GRPC_TLS_CERT`, a file); None serves without TLS.
        private_key: The private key of the certificate in PEM (`GRPC_TLS_KEY`, a file).
        client_authorities: The authorities that certificates of clients are required from, in PEM
            (`GRPC_TLS_CLIENT_CA`, a file); None requires none.
        buffer_bytes: The bytes of frames that may wait for one client.
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
        """Read the options, without address and credentials. An empty variable counts as unset.

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
        return cls(
            certificate=certificate,
            private_key=private_key,
            client_authorities=authorities,
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
