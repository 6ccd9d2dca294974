"""The proof of a domain, asked for over real UDP and TCP, and all that a DNS can do wrong."""

import uuid
from collections.abc import AsyncIterator

import pytest

from kernel import crypto
from kernel.settings import Settings
from sandbox.dns.server import DnsServer, dns_server
from sandbox.dns.zone import Fault
from tenants import dns_proof
from tenants.dns_proof import DnsResolver, DnsSilent, is_proved, proof_of

HOST = "cards.example"
OURS, THEIRS = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    async with dns_server() as running:
        yield running


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crypto, "derive", lambda purpose, config=None: b"k" * 32)


def publish(server: DnsServer, *, tenant: uuid.UUID = OURS, host: str = HOST) -> str:
    """Put a tenant's proof for a host where the one for our host is looked for."""
    name = proof_of(tenant_id=OURS, host=HOST).name
    server.zone.texts[name] = [proof_of(tenant_id=tenant, host=host).value]
    return name


async def proved(server: DnsServer) -> bool:
    resolver = DnsResolver(server.address)
    return await is_proved(tenant_id=OURS, host=HOST, resolver=resolver)


async def test_the_record_proves_its_own_tenant_and_host_alone(server: DnsServer) -> None:
    assert not await proved(server)
    publish(server)
    assert await proved(server)
    publish(server, tenant=THEIRS)
    assert not await proved(server)
    publish(server, host="other.example")
    assert not await proved(server)


def test_a_proof_is_the_same_each_time_and_different_for_everybody() -> None:
    proofs = {
        proof_of(tenant_id=tenant, host=host)
        for tenant in (OURS, THEIRS)
        for host in (HOST, "other.example")
        for _ in range(2)
    }
    assert len(proofs) == len({proof.name for proof in proofs}) == 4
    assert len({proof.value for proof in proofs}) == 4
    assert all(len(proof.name) < 253 for proof in proofs)


@pytest.mark.parametrize("fault", [Fault.CNAME_CHAIN, Fault.MANY_STRINGS])
async def test_the_record_is_found_through_aliases_and_among_many(
    server: DnsServer, fault: Fault
) -> None:
    server.zone.faults[publish(server)] = fault
    assert await proved(server)


async def test_a_record_of_several_strings_is_one_value(server: DnsServer) -> None:
    name = publish(server)
    server.zone.texts[name] = ["a" * 300, *server.zone.texts[name]]
    assert await proved(server)
    assert "a" * 300 in await DnsResolver(server.address).texts(name)


async def test_another_value_proves_nothing(server: DnsServer) -> None:
    server.zone.faults[publish(server)] = Fault.OTHER_VALUE
    assert not await proved(server)


@pytest.mark.parametrize(
    "fault",
    [Fault.SILENCE, Fault.SERVFAIL, Fault.REFUSED, Fault.NOT_DNS, Fault.CNAME_CIRCLE, Fault.HUGE],
)
async def test_a_dns_that_does_not_say_is_not_taken_for_a_no(
    server: DnsServer, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns_proof, "DEADLINE_SECONDS", 0.5)
    server.zone.faults[publish(server)] = fault
    with pytest.raises(DnsSilent):
        await proved(server)


async def test_nobody_at_the_address_is_silence(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns_proof, "DEADLINE_SECONDS", 0.5)
    with pytest.raises(DnsSilent):
        await DnsResolver("127.0.0.1:1").texts(HOST)


def test_the_machines_own_resolvers_are_asked_where_no_other_is_named(config: Settings) -> None:
    assert config.dns_servers == ""
    assert DnsResolver("127.0.0.1:5353")._resolver.nameserver_ports == {"127.0.0.1": 5353}
    assert DnsResolver("192.0.2.1")._resolver.nameservers == ["192.0.2.1"]
