"""Valkey as child processes: one server, or a cluster, on 127.0.0.1."""

from eventstore_hosting.valkey.binary import ValkeyError
from eventstore_hosting.valkey.cluster import ValkeyCluster
from eventstore_hosting.valkey.server import FolderInUseError, PortInUseError, ValkeyServer

__all__ = ["FolderInUseError", "PortInUseError", "ValkeyCluster", "ValkeyError", "ValkeyServer"]
