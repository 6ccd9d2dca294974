"""Looking up a stranger's name by ourselves: each address that it has must be public."""

from ipaddress import IPv4Address, ip_address
from typing import Final

import dns.exception
import dns.name

from kernel.name_servers import resolver_of
from kernel.outward.addresses import Address, is_public
from kernel.outward.targets import AddressRefused, Target, target_of
from kernel.settings import Settings, settings

LOOKUP_SECONDS: Final = 1.5
_ADDRESSES_AT_MOST: Final = 16
_THIS_MACHINE: Final = IPv4Address("127.0.0.1")


async def check(url: str, *, field: str | None = "url") -> Target:
    """Read a URL and look its name up once, as a call would; raises `AddressRefused`."""
    target = target_of(url, settings(), field=field)
    await addresses_of(target, field=field)
    return target


async def addresses_of(target: Target, *, field: str | None = None) -> list[Address]:
    """Every address of a target's name, all of them public; raises `AddressRefused`.

    One inner address among public ones refuses them all: nobody who means well has that.
    """
    config = settings()
    if config.outward_loopback and target.host in ("127.0.0.1", "localhost"):
        return [_THIS_MACHINE]
    found = await _look_up(target.host, config)
    if not found:
        raise AddressRefused("There is no address behind this name.", field=field)
    if not all(_may_be_called(address, config) for address in found):
        raise AddressRefused("This address is not public.", field=field)
    return found


def _may_be_called(address: Address, config: Settings) -> bool:
    if is_public(address):
        return True
    return config.outward_loopback and isinstance(address, IPv4Address) and address == _THIS_MACHINE


async def _look_up(host: str, config: Settings) -> list[Address]:
    try:
        # The whole name, with its root: no search list of this machine's network is tried.
        answers = await resolver_of(config.dns_servers).resolve_name(
            dns.name.from_text(host + "."), lifetime=LOOKUP_SECONDS, search=False
        )
    except dns.exception.DNSException:
        return []
    return [ip_address(text) for text in list(answers.addresses())[:_ADDRESSES_AT_MOST]]
