"""From where a request really comes, when proxies stand in front of us."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.requests import HTTPConnection

from kernel.settings import settings

Networks = tuple[IPv4Network | IPv6Network, ...]


def client_address(connection: HTTPConnection) -> str:
    """Return the client's IP address, or nothing where there is none.

    `X-Forwarded-For` counts only as far as trusted proxies wrote it: read from the right, the
    first address that is not one of theirs. Whatever stands before it is the client's own story.
    """
    peer = connection.client.host if connection.client else ""
    trusted = _networks(settings().trusted_proxies)
    told = connection.headers.getlist("x-forwarded-for")
    chain = [entry.strip() for header in told for entry in header.split(",")]
    while chain and _is_in(peer, trusted):
        peer = chain.pop()
    return peer if _is_address(peer) else ""


@lru_cache(maxsize=4)
def _networks(text: str) -> Networks:
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def _is_in(text: str, networks: Networks) -> bool:
    return _is_address(text) and any(ip_address(text) in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
