"""That a tenant may use a host: a TXT record in the host's DNS that only its owner can write.

Name and value are derived from the tenant and the host by the master secret. So nothing has to be
stored, another tenant's record proves nothing, and neither does a record for another host.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

import dns.exception
import dns.resolver
from dns.rdtypes.ANY.TXT import TXT

from kernel import crypto
from kernel.name_servers import resolver_of
from kernel.settings import settings

DEADLINE_SECONDS: Final = 5.0
MAX_RECORDS: Final = 50
MAX_BYTES: Final = 16_384
_PREFIX: Final = "kameng-proof"


class DnsSilent(Exception):
    """The DNS has not said whether the record is there: too late, broken, or far too much."""


class Resolver(Protocol):
    """Who asks the DNS."""

    async def texts(self, name: str) -> frozenset[str]:
        """All TXT records of a name, each with its strings joined; none where there is no such
        name. Raises `DnsSilent`."""
        ...


@dataclass(frozen=True, slots=True)
class Proof:
    """The record that a tenant's owner puts into the DNS of a host."""

    name: str
    value: str


def proof_of(*, tenant_id: UUID, host: str) -> Proof:
    """Make the record that proves this host to be this tenant's, and no other to be anybody's."""
    value = crypto.derived_token(_PREFIX, f"domain:{tenant_id}:{host}")
    label = hashlib.sha256(value.encode()).hexdigest()[:12]
    return Proof(f"_kameng-{label}.{host}", value)


async def is_proved(*, tenant_id: UUID, host: str, resolver: Resolver | None = None) -> bool:
    """Ask the DNS whether the record stands there; `DnsSilent` when it does not say.

    Never inside a transaction: it is the network, and may take `DEADLINE_SECONDS`.
    """
    proof = proof_of(tenant_id=tenant_id, host=host)
    return proof.value in await (resolver or DnsResolver(settings().dns_servers)).texts(proof.name)


class DnsResolver:
    """Asks a DNS server over UDP, and over TCP what does not fit."""

    def __init__(self, servers: str) -> None:
        """`servers` are as the settings name them; empty: the machine's own."""
        self._resolver = resolver_of(servers)
        self._resolver.lifetime = DEADLINE_SECONDS
        self._resolver.timeout = DEADLINE_SECONDS / 2

    async def texts(self, name: str) -> frozenset[str]:
        """Ask for the TXT records of a name."""
        try:
            answer = await self._resolver.resolve(name, "TXT", search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return frozenset()
        except (dns.exception.DNSException, OSError) as error:
            raise DnsSilent(type(error).__name__) from error
        records = [record.strings for record in answer if isinstance(record, TXT)]
        size = sum(len(string) for strings in records for string in strings)
        if len(records) > MAX_RECORDS or size > MAX_BYTES:
            raise DnsSilent("too much")
        return frozenset(b"".join(strings).decode("utf-8", "replace") for strings in records)
