"""A shop comes to be: by an application or an invitation, with its owner, all of it or nothing."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from deposit_desk import put_down
from identity import founders
from identity.founders import ShopFounded
from identity.models import StaffRole
from identity.tokens import authenticate
from kernel import db
from kernel.errors import Invalid, NotFound, RateLimited, Refusal
from kernel.settings import Settings
from tenant_tree import OPERATOR, Tree
from tenants import directory, founding, invitations, reviews
from tenants.directory import TenantRestricted
from tenants.founding import Application, Contract
from world import ShopAt, build_world

pytestmark = pytest.mark.engines

FRESH = Application("new-shop", "新店", "owner@example.com")


@pytest.fixture
async def tree(database: Settings, owner: asyncpg.Connection) -> Tree:
    directory.forget()
    return Tree(await build_world(owner, keys=0))


async def apply(
    parent: ShopAt, application: Application = FRESH, *, ip: str = "192.0.2.1"
) -> ShopFounded:
    return await founders.apply(parent_id=parent.id, application=application, ip=ip, actor="guest")


async def accept(
    parent: ShopAt, token: str, application: Application = FRESH, *, ip: str = "192.0.2.1"
) -> ShopFounded:
    return await founders.accept(
        parent_id=parent.id, token=token, application=application, ip=ip, actor="guest"
    )


async def invite(parent: ShopAt, **terms: str) -> str:
    invited = await invitations.invite(
        parent_id=parent.id, contract=Contract(**terms), days=7, actor="staff:x"
    )
    return invited.token


async def counts(owner: asyncpg.Connection) -> tuple[Any, ...]:
    row = await owner.fetchrow(
        """select (select count(*) from tenants), (select count(*) from tenant_domains),
                  (select count(*) from tenant_events), (select count(*) from staff_users),
                  (select count(*) from memberships), (select count(*) from access_tokens),
                  (select count(*) from tenant_invitations where child_id is not null)"""
    )
    return tuple(row)


async def test_an_applicant_has_a_shop_with_an_address_and_owns_it(tree: Tree) -> None:
    agent = tree.world.agent
    founded = await apply(agent, Application(" New-Shop ", "新店", "owner@example.com"))
    shop = await directory.shop_by_host("new-shop.localhost")
    assert shop is not None and not shop.open
    assert (shop.id, shop.status, shop.currency) == (founded.tenant.id, "APPLIED", "CNY")
    assert shop.path == (*agent.path, shop.id)
    assert shop.version > 0
    caller = await authenticate(founded.token)
    assert caller is not None
    assert (caller.tenant_id, caller.roles) == (shop.id, frozenset({StaffRole.OWNER}))
    row = await tree.owner.fetchrow("select * from tenants where id = $1", shop.id)
    assert b"owner@example.com" not in row["contact"]
    assert founding.contact_of(row) == "owner@example.com"


async def test_from_an_application_to_an_open_shop(tree: Tree) -> None:
    founded = await apply(tree.world.shop)
    who: dict[str, Any] = {"tenant_id": founded.tenant.id, "actor": OPERATOR}
    await reviews.review(accept=True, deposit_due_minor=100, reason="", **who)
    await reviews.record_facts(kyc_passed=True, **who)
    await put_down("TENANT", founded.tenant.id, 100)
    directory.forget()
    shop = await directory.shop_by_host(founded.tenant.host)
    assert shop is not None and shop.open


@pytest.mark.parametrize(
    ("application", "field"),
    [
        (Application("shop", "x", "y"), "slug"),
        (Application("ab", "x", "y"), "slug"),
        (Application("-abc", "x", "y"), "slug"),
        (Application("abc-", "x", "y"), "slug"),
        (Application("xn--abc", "x", "y"), "slug"),
        (Application("www", "x", "y"), "slug"),
        (Application("a.b", "x", "y"), "slug"),
        (Application("星河", "x", "y"), "slug"),
        (Application("a" * 41, "x", "y"), "slug"),
        (Application("new-shop", "", "y"), "name"),
        (Application("new-shop", "x" * 81, "y"), "name"),
        (Application("new-shop", "a\nb", "y"), "name"),
        (Application("new-shop", "x", " "), "contact"),
        (Application("new-shop", "x", "y" * 201), "contact"),
    ],
)
async def test_words_that_are_none_make_no_shop(
    tree: Tree, application: Application, field: str
) -> None:
    before = await counts(tree.owner)
    with pytest.raises(Invalid) as refused:
        await apply(tree.world.agent, application)
    assert refused.value.field == field
    assert await counts(tree.owner) == before


async def test_below_a_lost_tenant_and_below_the_deepest_nothing_is_founded(tree: Tree) -> None:
    agent, shop = tree.world.agent, tree.world.shop
    await tree.owner.execute("update tenants set max_child_depth = 2 where id = $1", shop.id)
    token = await invite(agent)
    await reviews.suspend(tenant_id=agent.id, actor=OPERATOR, reason="")
    before = await counts(tree.owner)
    with pytest.raises(TenantRestricted):
        await apply(agent)
    with pytest.raises(TenantRestricted):
        await accept(agent, token)
    with pytest.raises(TenantRestricted):
        await invite(agent)
    with pytest.raises(Invalid):
        await apply(shop)
    assert await counts(tree.owner) == before


async def test_an_invitation_brings_its_contract_and_is_good_once(tree: Tree) -> None:
    agent = tree.world.agent
    token = await invite(agent, on_parent_loss="REPARENT", settlement_mode="PREPAID")
    assert not await tree.owner.fetchval(
        "select count(*) from tenant_invitations where token_hash = $1", token.encode()
    )
    founded = await accept(agent, token)
    row = await tree.owner.fetchrow(
        "select parent_id, on_parent_loss, settlement_mode from tenants where id = $1",
        founded.tenant.id,
    )
    assert tuple(row) == (agent.id, "REPARENT", "PREPAID")
    before = await counts(tree.owner)
    with pytest.raises(NotFound):
        await accept(agent, token, Application("another", "x", "y"))
    assert await counts(tree.owner) == before


async def test_an_invitation_of_another_shop_or_of_long_ago_is_not_good(tree: Tree) -> None:
    agent, root = tree.world.agent, tree.world.root
    token = await invite(agent)
    before = await counts(tree.owner)
    for refused in (accept(root, token), accept(agent, "kmi_nobodys"), accept(agent, "x" * 500)):
        with pytest.raises(NotFound):
            await refused
    await tree.world.shift_clock("7 days 1 second")
    with pytest.raises(NotFound):
        await accept(agent, token)
    assert await counts(tree.owner) == before


async def open_ids(parent: ShopAt) -> list[UUID]:
    page = await invitations.open_invitations(parent.id, first=None, after=None)
    return [one.id for one in page.rows]


async def test_a_parent_pages_through_open_invitations_and_takes_one_back(tree: Tree) -> None:
    agent, root = tree.world.agent, tree.world.root
    contract = Contract("REPARENT", "PREPAID")
    made = [
        await invitations.invite(parent_id=agent.id, contract=contract, days=7, actor="staff:x")
        for _ in range(4)
    ]
    await accept(agent, made[0].token)
    ends = {one.id: one.expires_at for one in made[1:]}
    newest_first = sorted(ends, reverse=True)  # ids of one millisecond are in no order of making
    assert await open_ids(agent) == newest_first
    assert await open_ids(root) == []
    page = await invitations.open_invitations(agent.id, first=2, after=None)
    assert page.has_next
    assert (page.rows[0].contract, page.rows[0].expires_at) == (contract, ends[newest_first[0]])
    rest = await invitations.open_invitations(agent.id, first=2, after=page.cursors[-1])
    assert [one.id for one in (*page.rows, *rest.rows)] == newest_first
    assert not rest.has_next
    with pytest.raises(Invalid):
        await invitations.open_invitations(root.id, first=2, after=page.cursors[-1])
    # Not another parent's, and not one that was taken.
    for parent, invitation in ((root, made[1]), (agent, made[0])):
        with pytest.raises(NotFound):
            await invitations.withdraw(parent_id=parent.id, invitation_id=invitation.id)
    assert await open_ids(agent) == newest_first
    await invitations.withdraw(parent_id=agent.id, invitation_id=made[1].id)
    assert await open_ids(agent) == [one for one in newest_first if one != made[1].id]
    before = await counts(tree.owner)
    with pytest.raises(NotFound):
        await accept(agent, made[1].token, Application("another", "x", "y"))
    await tree.world.shift_clock("7 days 1 second")
    for ended in (made[1], made[2]):
        with pytest.raises(NotFound):
            await invitations.withdraw(parent_id=agent.id, invitation_id=ended.id)
    assert await open_ids(agent) == []
    assert await counts(tree.owner) == before


async def ends_of(tree: Tree, invitation_id: UUID) -> tuple[bool, bool]:
    """Whether an invitation was taken, and whether it was withdrawn."""
    row = await tree.owner.fetchrow(
        """select child_id is not null, withdrawn_at is not null from tenant_invitations
           where id = $1""",
        invitation_id,
    )
    return tuple(row)


async def test_of_hundreds_who_accept_and_withdraw_one_invitation_one_wins(tree: Tree) -> None:
    agent = tree.world.agent
    made = await invitations.invite(
        parent_id=agent.id, contract=Contract(), days=7, actor="staff:x"
    )
    answers = await asyncio.gather(
        *(
            accept(agent, made.token, Application(f"new-{n}", "x", "y"), ip=f"192.0.2.{n}")
            if n % 2
            else invitations.withdraw(parent_id=agent.id, invitation_id=made.id)
            for n in range(200)
        ),
        return_exceptions=True,
    )
    won = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(won) == 1
    assert all(answer in won or isinstance(answer, NotFound) for answer in answers)
    is_taken = isinstance(won[0], ShopFounded)
    assert await ends_of(tree, made.id) == (is_taken, not is_taken)
    assert await tree.owner.fetchval("select count(*) from tenants") == 3 + is_taken


async def test_a_withdrawal_while_somebody_is_accepting_stands(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The accepting side has read the invitation as open; the conditional update decides."""
    agent, look = tree.world.agent, invitations.read
    made = await invitations.invite(
        parent_id=agent.id, contract=Contract(), days=7, actor="staff:x"
    )
    has_read, is_withdrawn = asyncio.Event(), asyncio.Event()

    async def read_and_wait(token: str, *, parent_id: UUID) -> invitations.Invitation:
        found = await look(token, parent_id=parent_id)
        has_read.set()
        await is_withdrawn.wait()
        return found

    monkeypatch.setattr(invitations, "read", read_and_wait)
    before = await counts(tree.owner)
    accepting = asyncio.create_task(accept(agent, made.token))
    await has_read.wait()
    await invitations.withdraw(parent_id=agent.id, invitation_id=made.id)
    is_withdrawn.set()
    with pytest.raises(NotFound):
        await accepting
    assert await ends_of(tree, made.id) == (False, True)
    assert await counts(tree.owner) == before


async def test_the_database_notices_an_accept_that_only_asks_who_was_first(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tempting mistake: to take what nobody has taken, withdrawn or not."""
    mutant = "update tenant_invitations set child_id = $2 where id = $1 and child_id is null"
    look = invitations.read
    agent = tree.world.agent
    made = await invitations.invite(
        parent_id=agent.id, contract=Contract(), days=7, actor="staff:x"
    )

    async def read_then_withdraw(token: str, *, parent_id: UUID) -> invitations.Invitation:
        found = await look(token, parent_id=parent_id)
        await tree.owner.execute(
            "update tenant_invitations set withdrawn_at = now() where id = $1", found.id
        )
        return found

    monkeypatch.setattr(invitations, "read", read_then_withdraw)
    monkeypatch.setattr(invitations, "_TAKE", mutant)
    before = await counts(tree.owner)
    with pytest.raises(asyncpg.CheckViolationError):
        await accept(agent, made.token)
    assert await counts(tree.owner) == before


async def test_hundreds_who_take_one_invitation_at_once_make_one_shop(tree: Tree) -> None:
    agent = tree.world.agent
    token = await invite(agent)
    answers = await asyncio.gather(
        *(
            accept(agent, token, Application(f"new-{n}", "x", "y"), ip=f"192.0.2.{n}")
            for n in range(200)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, ShopFounded) for answer in answers) == 1
    assert all(isinstance(answer, ShopFounded | NotFound) for answer in answers)
    assert await tree.owner.fetchval("select count(*) from tenants") == 4


async def test_a_look_without_the_take_lets_several_in(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def looked_at_only(invitation: invitations.Invitation, *, child_id: object) -> None:
        taken = "update tenant_invitations set child_id = $2 where id = $1"
        await db.execute(taken, invitation.id, child_id)

    monkeypatch.setattr(invitations, "take", looked_at_only)
    agent = tree.world.agent
    token = await invite(agent)
    # Both have looked before one of them has the parent's row.
    look, both = invitations.read, asyncio.Barrier(2)

    async def look_together(text: str, *, parent_id: Any) -> invitations.Invitation:
        found = await look(text, parent_id=parent_id)
        await both.wait()
        return found

    monkeypatch.setattr(invitations, "read", look_together)
    answers = await asyncio.gather(
        *(accept(agent, token, Application(f"new-{n}", "x", "y")) for n in range(2))
    )
    assert len(answers) == 2


async def test_one_slug_is_one_shops_however_many_apply(tree: Tree) -> None:
    agent = tree.world.agent
    answers = await asyncio.gather(
        *(apply(agent, ip=f"192.0.2.{n}") for n in range(50)), return_exceptions=True
    )
    assert sum(isinstance(answer, ShopFounded) for answer in answers) == 1
    assert all(isinstance(a, Refusal) for a in answers if isinstance(a, BaseException))


async def test_a_parent_has_so_many_applications_waiting_and_no_more(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(founding, "MAX_OPEN_APPLICATIONS", 5)
    agent = tree.world.agent
    answers = await asyncio.gather(
        *(apply(agent, Application(f"new-{n}", "x", "y"), ip=f"192.0.2.{n}") for n in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, ShopFounded) for answer in answers) == 5
    assert sum(isinstance(answer, TenantRestricted) for answer in answers) == 15


async def test_one_address_founds_so_many_shops_and_no_more(tree: Tree) -> None:
    agent = tree.world.agent
    for number in range(founders.FOUNDINGS_PER_ADDRESS):
        await apply(agent, Application(f"new-{number}", "x", "y"))
    before = await counts(tree.owner)
    with pytest.raises(RateLimited):
        await apply(agent)
    assert await counts(tree.owner) == before


async def test_a_subscriber_with_a_whole_network_is_one_address(tree: Tree) -> None:
    agent = tree.world.agent
    for number in range(founders.FOUNDINGS_PER_ADDRESS):
        await apply(agent, Application(f"new-{number}", "x", "y"), ip=f"2001:db8:7:7::{number:x}")
    with pytest.raises(RateLimited):
        await apply(agent, ip="2001:db8:7:7:ffff::1")


async def test_so_many_invitations_are_open_and_no_more(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MAX_OPEN_INVITATIONS", 3)
    answers = await asyncio.gather(
        *(invite(tree.world.agent) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(answer, str) for answer in answers) == 3
    for days in (0, 31):
        with pytest.raises(Invalid):
            await invitations.invite(
                parent_id=tree.world.agent.id, contract=Contract(), days=days, actor="x"
            )
    assert await tree.owner.fetchval("select count(*) from tenant_invitations") == 3
