"""Domains of a tenant's own: claimed, proved, chosen, lost, given up, and never anybody else's."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import pytest

from kernel import db
from kernel.errors import Invalid, NotFound, RateLimited, Refusal
from kernel.ids import new_id
from tenant_tree import Tree
from tenants import directory, dns_proof, domain_checks, domains
from tenants.dns_proof import DnsSilent, proof_of
from tenants.domains import DomainNotProved
from world import ShopAt

pytestmark = pytest.mark.engines

HOST = "cards.example"


@dataclass
class Dns:
    """A DNS in memory."""

    texts_by_name: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    asked: int = 0

    async def texts(self, name: str) -> frozenset[str]:
        """Answer, or do not."""
        self.asked += 1
        if self.silent:
            raise DnsSilent("test")
        return frozenset(filter(None, [self.texts_by_name.get(name)]))

    def publish(self, shop: ShopAt, host: str = HOST) -> None:
        """Let a host's owner write a shop's proof."""
        proof = proof_of(tenant_id=shop.id, host=host)
        self.texts_by_name[proof.name] = proof.value


@pytest.fixture
def dns() -> Dns:
    return Dns()


async def claim(shop: ShopAt, host: str = HOST) -> UUID:
    row = await domains.add_domain(tenant_id=shop.id, host=host)
    found: UUID = row["id"]
    return found


async def prove(tree: Tree, dns: Dns, shop: ShopAt, domain_id: UUID) -> None:
    await tree.owner.execute("update tenant_domains set asked_at = null")
    dns.publish(shop)
    await domains.verify_domain(tenant_id=shop.id, domain_id=domain_id, resolver=dns)


async def leads_to(host: str = HOST) -> str | None:
    directory.forget()
    shop = await directory.shop_by_host(host)
    return shop.slug if shop else None


async def addresses(tree: Tree, shop: ShopAt) -> dict[str, bool]:
    """The hosts of a shop, and which is its own address."""
    rows = await tree.owner.fetch(
        "select host, is_primary from tenant_domains where tenant_id = $1", shop.id
    )
    return {row["host"]: row["is_primary"] for row in rows}


async def test_a_claim_leads_nowhere_until_it_is_proved(tree: Tree, dns: Dns) -> None:
    shop = tree.world.shop
    domain_id = await claim(shop, "Cards.EXAMPLE.")
    assert await claim(shop) == domain_id, "said again it is the same claim"
    assert await leads_to() is None
    with pytest.raises(DomainNotProved):
        await domains.verify_domain(tenant_id=shop.id, domain_id=domain_id, resolver=dns)
    assert await leads_to() is None
    await prove(tree, dns, shop, domain_id)
    assert await leads_to() == "shop"


async def test_only_the_proof_of_this_tenant_counts(tree: Tree, dns: Dns) -> None:
    shop, agent = tree.world.shop, tree.world.agent
    domain_id = await claim(shop)
    theirs = proof_of(tenant_id=agent.id, host=HOST).value
    dns.texts_by_name[proof_of(tenant_id=shop.id, host=HOST).name] = theirs
    with pytest.raises(DomainNotProved):
        await domains.verify_domain(tenant_id=shop.id, domain_id=domain_id, resolver=dns)
    assert await leads_to() is None


async def test_a_silent_dns_proves_nothing_and_is_not_asked_again_at_once(
    tree: Tree, dns: Dns
) -> None:
    shop = tree.world.shop
    domain_id, dns.silent = await claim(shop), True
    with pytest.raises(DomainNotProved):
        await domains.verify_domain(tenant_id=shop.id, domain_id=domain_id, resolver=dns)
    with pytest.raises(RateLimited):
        await domains.verify_domain(tenant_id=shop.id, domain_id=domain_id, resolver=dns)
    assert (dns.asked, await leads_to()) == (1, None)


async def test_claims_hold_nobody_up_and_who_proves_first_has_the_host(
    tree: Tree, dns: Dns
) -> None:
    shop, agent = tree.world.shop, tree.world.agent
    first, second = await claim(shop), await claim(agent)
    await prove(tree, dns, agent, second)
    with pytest.raises(Invalid, match="another shop"):
        await prove(tree, dns, shop, first)
    with pytest.raises(Invalid, match="another shop"):
        await claim(tree.world.root)
    assert await leads_to() == "agent"


async def test_many_shops_that_prove_one_host_at_once_are_one(tree: Tree, dns: Dns) -> None:
    shops = [tree.world.shop, tree.world.agent]
    shops += [await tree.plant(f"rival-{number}", below=tree.world.agent) for number in range(8)]
    claims = [(shop, await claim(shop)) for shop in shops]
    for shop in shops:
        dns.publish(shop)
    answers = await asyncio.gather(
        *(
            domains.verify_domain(tenant_id=shop.id, domain_id=domain_id, resolver=dns)
            for shop, domain_id in claims
        ),
        return_exceptions=True,
    )
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    assert all(isinstance(a, Refusal) for a in answers if isinstance(a, BaseException))
    verified = "select count(*) from tenant_domains where host = $1 and verified_at is not null"
    assert await tree.owner.fetchval(verified, HOST) == 1


async def test_the_database_gives_a_host_to_one_tenant(tree: Tree) -> None:
    plant = """insert into tenant_domains (tenant_id, id, host, kind, verified_at)
               values ($1, $2, $3, 'CUSTOM', now())"""
    await tree.owner.execute(plant, tree.world.shop.id, new_id(), HOST)
    with pytest.raises(asyncpg.UniqueViolationError):
        await tree.owner.execute(plant, tree.world.agent.id, new_id(), HOST)


async def test_a_host_that_was_given_up_rests_and_only_its_last_tenant_may_have_it(
    tree: Tree, dns: Dns
) -> None:
    shop, agent = tree.world.shop, tree.world.agent
    domain_id = await claim(shop)
    other_claim = await claim(agent)
    await prove(tree, dns, shop, domain_id)
    host, rests_until = await domains.remove_domain(tenant_id=shop.id, domain_id=domain_id)
    assert host == HOST and rests_until is not None
    assert await leads_to() is None
    with pytest.raises(Invalid, match="until lately"):
        await prove(tree, dns, agent, other_claim)
    with pytest.raises(Invalid, match="until lately"):
        await claim(tree.world.root)
    await prove(tree, dns, shop, await claim(shop))
    assert await leads_to() == "shop"
    again = await tree.owner.fetchval(
        "select id from tenant_domains where host = $1 and tenant_id = $2", HOST, shop.id
    )
    await domains.remove_domain(tenant_id=shop.id, domain_id=again)
    await tree.world.shift_clock("30 days 1 second")
    await prove(tree, dns, agent, other_claim)
    assert await leads_to() == "agent"


async def test_a_claim_that_led_nowhere_rests_not(tree: Tree, dns: Dns) -> None:
    shop, agent = tree.world.shop, tree.world.agent
    _, rests_until = await domains.remove_domain(tenant_id=shop.id, domain_id=await claim(shop))
    assert rests_until is None
    await prove(tree, dns, agent, await claim(agent))
    assert await leads_to() == "agent"


async def test_who_gives_up_a_lapsed_host_late_does_not_hold_its_next_owner_up(
    tree: Tree, dns: Dns
) -> None:
    shop, agent = tree.world.shop, tree.world.agent
    lapsed = await claim(shop)
    await prove(tree, dns, shop, lapsed)
    await tree.owner.execute(
        """update tenant_domains set verified_at = null, lapsed_at = now(), next_check_at = null
           where id = $1""",
        lapsed,
    )
    bought = await claim(agent)
    await prove(tree, dns, agent, bought)
    assert await domains.remove_domain(tenant_id=shop.id, domain_id=lapsed) == (HOST, None)
    assert await tree.owner.fetch("select * from resting_hosts") == []
    await prove(tree, dns, agent, bought)
    assert await leads_to() == "agent"


async def test_a_rival_who_proves_while_a_host_is_given_up_waits_for_the_rest(
    tree: Tree, dns: Dns
) -> None:
    shop, agent = tree.world.shop, tree.world.agent
    ours, theirs = await claim(shop), await claim(agent)
    await prove(tree, dns, shop, ours)
    dns.publish(agent)
    for _ in range(10):
        await tree.owner.execute("update tenant_domains set asked_at = null")
        answers = await asyncio.gather(
            domains.remove_domain(tenant_id=shop.id, domain_id=ours),
            domains.verify_domain(tenant_id=agent.id, domain_id=theirs, resolver=dns),
            return_exceptions=True,
        )
        assert not isinstance(answers[0], BaseException)
        assert isinstance(answers[1], Invalid)
        ours = await claim(shop)
        await prove(tree, dns, shop, ours)


async def test_a_proved_domain_may_be_the_shops_address_and_no_other(tree: Tree, dns: Dns) -> None:
    shop = tree.world.shop
    domain_id = await claim(shop)
    with pytest.raises(Invalid):
        await domains.choose_primary(tenant_id=shop.id, domain_id=domain_id)
    assert await addresses(tree, shop) == {HOST: False, "shop.localhost": True}
    await prove(tree, dns, shop, domain_id)
    await domains.choose_primary(tenant_id=shop.id, domain_id=domain_id)
    assert await addresses(tree, shop) == {HOST: True, "shop.localhost": False}
    await domains.remove_domain(tenant_id=shop.id, domain_id=domain_id)
    assert await addresses(tree, shop) == {"shop.localhost": True}


async def test_the_host_below_the_platforms_own_stays_and_needs_no_proof(tree: Tree) -> None:
    shop = tree.world.shop
    own = await tree.owner.fetchval("select id from tenant_domains where tenant_id = $1", shop.id)
    with pytest.raises(Invalid):
        await domains.remove_domain(tenant_id=shop.id, domain_id=own)
    with pytest.raises(Invalid):
        await domains.verify_domain(tenant_id=shop.id, domain_id=own, resolver=Dns())
    assert await addresses(tree, shop) == {"shop.localhost": True}


async def test_another_shops_domain_is_no_domain(tree: Tree, dns: Dns) -> None:
    theirs = await claim(tree.world.agent)
    shop_id = tree.world.shop.id
    for refused in (
        domains.verify_domain(tenant_id=shop_id, domain_id=theirs, resolver=dns),
        domains.choose_primary(tenant_id=shop_id, domain_id=theirs),
        domains.remove_domain(tenant_id=shop_id, domain_id=theirs),
    ):
        with pytest.raises(NotFound):
            await refused
    assert dns.asked == 0
    assert HOST in await addresses(tree, tree.world.agent)


async def test_a_shop_has_at_most_twenty_domains(tree: Tree) -> None:
    shop = tree.world.shop
    answers = await asyncio.gather(
        *(claim(shop, f"cards-{number}.example") for number in range(30)), return_exceptions=True
    )
    assert sum(isinstance(answer, UUID) for answer in answers) == domains.MAX_DOMAINS - 1
    assert len(await addresses(tree, shop)) == domains.MAX_DOMAINS


async def test_a_proof_that_is_gone_for_long_leads_nowhere_and_the_host_rests(
    tree: Tree, dns: Dns
) -> None:
    shop = tree.world.shop
    domain_id = await claim(shop)
    await prove(tree, dns, shop, domain_id)
    await domains.choose_primary(tenant_id=shop.id, domain_id=domain_id)
    assert await domain_checks.check_again(10, resolver=dns) == 0, "it was just looked at"
    hours = 25
    await tree.world.shift_clock(f"{hours} hours")
    assert await domain_checks.check_again(10, resolver=dns) == 1
    dns.texts_by_name.clear()
    dns.silent = True
    hours += 25
    for _ in range(2 * domain_checks.FAILURES_ALLOWED):
        await tree.world.shift_clock(f"{hours} hours")
        assert await domain_checks.check_again(10, resolver=dns) == 1
        hours += 9
    assert await leads_to() == "shop", "silence says nothing"
    dns.silent = False
    for failure in range(domain_checks.FAILURES_ALLOWED):
        assert await leads_to() == "shop", failure
        await tree.world.shift_clock(f"{hours} hours")
        assert await domain_checks.check_again(10, resolver=dns) == 1
        hours += 9
    assert await leads_to() is None
    assert await addresses(tree, shop) == {HOST: False, "shop.localhost": True}
    with pytest.raises(Invalid, match="until lately"):
        await claim(tree.world.agent)
    await tree.world.shift_clock(f"{hours + 30} hours")
    assert await domain_checks.check_again(10, resolver=dns) == 0
    await prove(tree, dns, shop, domain_id)
    assert await leads_to() == "shop", "who proves it again has it back"


async def test_a_proof_that_comes_back_in_time_is_as_good_as_new(tree: Tree, dns: Dns) -> None:
    shop = tree.world.shop
    domain_id = await claim(shop)
    await prove(tree, dns, shop, domain_id)
    published, hours = dict(dns.texts_by_name), 25
    for _ in range(domain_checks.FAILURES_ALLOWED):
        dns.texts_by_name = {}
        await tree.world.shift_clock(f"{hours} hours")
        await domain_checks.check_again(10, resolver=dns)
        dns.texts_by_name = dict(published)
        await tree.world.shift_clock(f"{hours + 9} hours")
        await domain_checks.check_again(10, resolver=dns)
        hours += 40
    assert await leads_to() == "shop"


async def test_two_sweeps_ask_for_a_domain_once(tree: Tree, dns: Dns) -> None:
    shop = tree.world.shop
    await prove(tree, dns, shop, await claim(shop))
    await tree.world.shift_clock("25 hours")
    dns.asked = 0
    done = await asyncio.gather(*(domain_checks.check_again(10, resolver=dns) for _ in range(5)))
    assert (sum(done), dns.asked) == (1, 1)


async def test_no_transaction_is_open_while_the_dns_is_asked(
    tree: Tree, dns: Dns, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = []

    async def texts(name: str) -> frozenset[str]:
        inside.append(db.inside_transaction())
        return frozenset()

    monkeypatch.setattr(dns, "texts", texts)
    shop = tree.world.shop
    with pytest.raises(DomainNotProved):
        await domains.verify_domain(tenant_id=shop.id, domain_id=await claim(shop), resolver=dns)
    await tree.owner.execute(
        "update tenant_domains set verified_at = now(), next_check_at = now() where host = $1", HOST
    )
    await domain_checks.check_again(10, resolver=dns)
    assert inside == [False, False]
    assert dns_proof.DEADLINE_SECONDS <= 10
