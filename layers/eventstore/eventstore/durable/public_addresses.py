"""Which IP addresses are public: reachable over the internet, and neither of this machine nor of its network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

__all__ = ["IPAddress", "is_public"]

IPAddress = IPv4Address | IPv6Address

_RESERVED_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # unspecified, "this network"
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and the metadata services of clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
"""The IANA IPv4 Special-Purpose Address Registry, and multicast."""

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IANA allocates of IPv6. Outside it are loopback, unique local, link-local and multicast addresses, and those
that embed an IPv4 address: mapped ones (::ffff:0:0/96) and NAT64 (64:ff9b::/96, 64:ff9b:1::/48)."""

_RESERVED_IPV6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, which embeds IPv4 addresses, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which embeds IPv4 addresses
        "3fff::/20",  # documentation
    )
)
"""The IANA IPv6 Special-Purpose Address Registry, within global unicast."""


def is_public(address: IPAddress) -> bool:
    """Whether an address is public.

    The lists are ours, because the answer of `ipaddress` differs between versions of Python. It must agree as well.
    """
    if not address.is_global:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _RESERVED_IPV4)
    return address in _GLOBAL_UNICAST and not any(address in network for network in _RESERVED_IPV6)
