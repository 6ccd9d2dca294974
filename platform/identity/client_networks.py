"""From which networks a program may call."""

from collections.abc import Collection
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from kernel.errors import Invalid

MOST_NETWORKS: Final = 20
_LONGEST: Final = 50  # characters

Network = IPv4Network | IPv6Network


def read_networks(texts: Collection[str] | None) -> list[Network] | None:
    """Read networks as `203.0.113.0/24` or single addresses; None means from anywhere.

    Raises `Invalid` for an empty list, which never means "anywhere", for more than 20, for what
    is no network, and for one that holds every address.
    """
    if texts is None:
        return None
    if not 0 < len(texts) <= MOST_NETWORKS:
        message = f"Name 1 to {MOST_NETWORKS} networks, or none at all for every network."
        raise Invalid(message, field="allowedNetworks")
    return sorted({_network(text) for text in texts}, key=lambda one: (one.version, one))


def _network(text: str) -> Network:
    try:
        network = ip_network(text.strip()[:_LONGEST], strict=False)
    except ValueError:
        raise Invalid("This is not a network of IP addresses.", field="allowedNetworks") from None
    if network.prefixlen == 0:
        message = "Leave the networks out for a client that calls from everywhere."
        raise Invalid(message, field="allowedNetworks")
    return network


def caller_address(ip: str) -> IPv4Address | IPv6Address | None:
    """Read a caller's address as networks name it; None for what is none.

    An IPv4 address that comes as an IPv6 one is the IPv4 address.
    """
    try:
        address = ip_address(ip)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
