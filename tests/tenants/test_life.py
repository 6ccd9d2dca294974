"""The life of a tenant: every change from every state, who makes it, and what it leaves behind."""

import asyncio
from typing import Any

import asyncpg
import pytest

from deposit_desk import put_down
from kernel import db
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.settings import Settings
from patience import until_somebody_waits
from tenant_tree import ALL, NOBODY, OPERATOR, Tree, put_into
from tenants import reviews, standing
from tenants.life import STANDING, TRANSITIONS, LifeChange, Mover, TenantStatus, is_loss, pairs
from tenants.standing import Step

pytestmark = pytest.mark.engines

#: Said once more and by hand (domain 5).
BY_HAND = {
    "APPLIED": "KYC REJECTED",
    "REJECTED": "APPLIED",
    "KYC": "DEPOSIT_DUE REJECTED",
    "DEPOSIT_DUE": "ACTIVE REJECTED",
    "ACTIVE": "RESTRICTED SUSPENDED CLOSING",
    "RESTRICTED": "ACTIVE SUSPENDED CLOSING",
    "SUSPENDED": "ACTIVE RESTRICTED CLOSING",
    "CLOSING": "CLOSED",
    "CLOSED": "",
}


def test_the_changes_are_those_of_the_domain() -> None:
    expected = {(frm, to) for frm, ends in BY_HAND.items() for to in ends.split()}
    assert {(str(frm), str(to)) for frm, to in pairs()} == expected
    assert set(TRANSITIONS) == set(LifeChange) - {LifeChange.MOVE}
    assert {change for change in TRANSITIONS if is_loss(change)} == {
        LifeChange.SUSPEND,
        LifeChange.CLOSE,
        LifeChange.ASK_TO_CLOSE,
    }


async def test_the_database_knows_the_same_changes_and_no_other(tree: Tree) -> None:
    made = set()
    shop = tree.world.shop
    for before in ALL:
        for after in set(ALL) - {before}:
            await put_into(tree.owner, shop.id, before)
            await tree.owner.execute(
                """update tenants set kyc_passed_at = now(), closes_at = now(),
                          restricted_by_parent = $2 = 'RESTRICTED' where id = $1
                   and status not in ('ACTIVE', 'RESTRICTED')""",
                shop.id,
                after,
            )
            try:
                await tree.owner.execute(
                    """update tenants set status = $2, orders_stopped = $2 = 'RESTRICTED',
                              kyc_passed_at = now(), closes_at = now() where id = $1""",
                    shop.id,
                    after,
                )
            except asyncpg.CheckViolationError as refused:
                assert refused.constraint_name == "tenants_transition", (before, after)
            else:
                made.add((before, after))
    assert made == pairs()


@pytest.mark.parametrize("change", [c for c in TRANSITIONS if c is not LifeChange.APPLY])
async def test_a_change_is_made_from_its_own_states_and_leaves_an_event(
    tree: Tree, change: LifeChange
) -> None:
    shop = await tree.plant("subject", below=tree.world.agent)
    transition = TRANSITIONS[change]
    for number, before in enumerate(ALL):
        await put_into(tree.owner, shop.id, before)
        await tree.owner.execute("update tenants set kyc_passed_at = now() where id = $1", shop.id)
        (by,) = transition.by
        step = Step(shop.id, change, by, "somebody", f"because {number}")
        events = await tree.events(shop)
        if before in transition.before:
            status = await standing.make(step)
            assert status in transition.to
            assert await tree.status(shop) == status
            assert await tree.events(shop) == [*events, (change, before, status)]
            last = await tree.owner.fetchrow(
                "select actor, reason from tenant_events order by id desc limit 1"
            )
            assert tuple(last) == ("somebody", f"because {number}")
        else:
            with pytest.raises(Invalid) as refused:
                await standing.make(step)
            assert refused.value.details == {"status": before}
            assert await tree.status(shop) == before
            assert await tree.events(shop) == events


async def test_who_may_not_make_a_change_changes_nothing(tree: Tree) -> None:
    shop = await tree.plant("subject", below=tree.world.agent)
    for change, transition in TRANSITIONS.items():
        for by in set(Mover) - transition.by:
            with pytest.raises(Forbidden):
                await standing.make(Step(shop.id, change, by, "somebody"))
    assert (await tree.status(shop), await tree.events(shop)) == ("ACTIVE", [])


async def test_an_application_opens_when_its_owner_is_known_and_the_deposit_is_paid(
    tree: Tree,
) -> None:
    shop = await tree.plant("subject", below=tree.world.agent, status="APPLIED")
    who: dict[str, Any] = {"tenant_id": shop.id, "actor": OPERATOR}
    status = await reviews.review(accept=True, deposit_due_minor=50_000, reason="", **who)
    assert status == "KYC"

    async def pays(amount_minor: int) -> str:
        await put_down("TENANT", shop.id, amount_minor)
        return await tree.status(shop)

    assert await pays(40_000) == "KYC"
    assert await reviews.record_facts(kyc_passed=True, **who) == "DEPOSIT_DUE"
    with pytest.raises(asyncpg.CheckViolationError, match="deposit is paid"):
        await tree.owner.execute("update tenants set status = 'ACTIVE' where id = $1", shop.id)
    assert await tree.closure(shop) == "CLOSED"
    assert await pays(9_999) == "DEPOSIT_DUE"
    assert await pays(1) == "ACTIVE"
    assert await tree.closure(shop) is None
    assert await tree.events(shop) == [
        ("ACCEPT", "APPLIED", "KYC"),
        ("KYC_PASSED", "KYC", "DEPOSIT_DUE"),
        ("OPEN", "DEPOSIT_DUE", "ACTIVE"),
    ]


async def test_who_is_known_already_and_owes_nothing_opens_at_once(tree: Tree) -> None:
    shop = await tree.plant("subject", below=tree.world.agent, status="APPLIED")
    await reviews.record_facts(kyc_passed=True, tenant_id=shop.id, actor=OPERATOR)
    assert await tree.status(shop) == "APPLIED"
    status = await reviews.review(
        tenant_id=shop.id, accept=True, deposit_due_minor=0, actor=OPERATOR, reason=""
    )
    assert status == await tree.status(shop) == "ACTIVE"


async def test_who_was_accepted_and_never_pays_is_rejected_and_keeps_what_is_known(
    tree: Tree,
) -> None:
    shop = await tree.plant("subject", below=tree.world.agent, status="APPLIED")
    who: dict[str, Any] = {"tenant_id": shop.id, "actor": OPERATOR, "reason": ""}
    await reviews.review(accept=True, deposit_due_minor=50_000, **who)
    await reviews.record_facts(kyc_passed=True, tenant_id=shop.id, actor=OPERATOR)
    assert await reviews.review(accept=False, deposit_due_minor=0, **who) == "REJECTED"
    await reviews.apply_again(tenant_id=shop.id, actor="staff:x", reason="")
    assert await reviews.review(accept=True, deposit_due_minor=0, **who) == "ACTIVE"


async def test_a_rejected_applicant_may_ask_again(tree: Tree) -> None:
    shop = await tree.plant("subject", below=tree.world.agent, status="APPLIED")
    rejected = await reviews.review(
        tenant_id=shop.id, accept=False, deposit_due_minor=0, actor=OPERATOR, reason="no licence"
    )
    assert rejected == "REJECTED"
    again = await reviews.apply_again(tenant_id=shop.id, actor="staff:x", reason="here it is")
    assert again == await tree.status(shop) == "APPLIED"


@pytest.mark.parametrize("amount_minor", [-1, reviews.MAX_DEPOSIT_MINOR + 1])
async def test_a_deposit_has_bounds(tree: Tree, amount_minor: int) -> None:
    shop = await tree.plant("subject", below=tree.world.agent, status="APPLIED")
    who: dict[str, Any] = {"tenant_id": shop.id, "actor": OPERATOR}
    for refused in (
        reviews.review(accept=True, deposit_due_minor=amount_minor, reason="", **who),
        reviews.record_facts(deposit_due_minor=amount_minor, **who),
    ):
        with pytest.raises(Invalid):
            await refused
    assert (await tree.status(shop), await tree.events(shop)) == ("APPLIED", [])


async def test_platform_and_parent_lift_each_their_own_restriction(tree: Tree) -> None:
    shop, agent = tree.world.shop, tree.world.agent

    async def platform(*, orders: bool, payouts: bool) -> tuple[Any, ...]:
        await reviews.restrict(
            tenant_id=shop.id,
            orders_stopped=orders,
            payouts_frozen=payouts,
            actor=OPERATOR,
            reason="",
        )
        return await seen()

    async def parent(restricted: bool) -> tuple[Any, ...]:
        await reviews.restrict_child(
            parent_id=agent.id, child_id=shop.id, restricted=restricted, actor="staff:x", reason=""
        )
        return await seen()

    async def seen() -> tuple[Any, ...]:
        return (await tree.status(shop), await tree.closure(shop))

    assert await platform(orders=False, payouts=True) == ("RESTRICTED", None)
    assert await platform(orders=True, payouts=True) == ("RESTRICTED", "CLOSED")
    assert await parent(True) == ("RESTRICTED", "CLOSED")
    assert await parent(False) == ("RESTRICTED", "CLOSED"), "the platform's stands"
    assert await parent(True) == ("RESTRICTED", "CLOSED")
    assert await platform(orders=False, payouts=False) == ("RESTRICTED", "CLOSED")
    await reviews.suspend(tenant_id=shop.id, actor=OPERATOR, reason="")
    await reviews.reopen(tenant_id=shop.id, actor=OPERATOR, reason="")
    assert await seen() == ("RESTRICTED", "CLOSED"), "the parent's stands through a suspension"
    assert await parent(False) == ("ACTIVE", None)


async def test_two_restrictions_at_once_are_both_kept(tree: Tree, database: Settings) -> None:
    shop, agent = tree.world.shop, tree.world.agent
    # Both wait for the row, with a picture of it from before.
    onlooker = await asyncpg.connect(database.database_url)
    async with tree.owner.transaction():
        await tree.owner.execute("select from tenants where id = $1 for update", shop.id)
        both = asyncio.gather(
            reviews.restrict(
                tenant_id=shop.id,
                orders_stopped=False,
                payouts_frozen=True,
                actor=OPERATOR,
                reason="",
            ),
            reviews.restrict_child(
                parent_id=agent.id, child_id=shop.id, restricted=True, actor="staff:x", reason=""
            ),
        )
        await until_somebody_waits(onlooker, at_least=2)
    await onlooker.close()
    assert list(await both) == [TenantStatus.RESTRICTED] * 2
    row = await tree.owner.fetchrow(
        "select payouts_frozen, restricted_by_parent from tenants where id = $1", shop.id
    )
    assert tuple(row) == (True, True)


async def test_only_the_direct_parent_restricts(tree: Tree) -> None:
    shop, root, agent = tree.world.shop, tree.world.root, tree.world.agent
    sibling = await tree.plant("sibling", below=root)
    for parent, child in ((root, shop), (sibling, shop), (shop, shop), (shop, agent)):
        with pytest.raises(NotFound):
            await reviews.restrict_child(
                parent_id=parent.id, child_id=child.id, restricted=True, actor="x", reason=""
            )
    for subject in (shop, agent):
        assert (await tree.status(subject), await tree.events(subject)) == ("ACTIVE", [])


async def test_the_platforms_own_shop_and_no_shop_have_no_such_life(tree: Tree) -> None:
    for nobody in (tree.world.root.id, NOBODY):
        for refused in (
            reviews.suspend(tenant_id=nobody, actor=OPERATOR, reason=""),
            reviews.ask_to_close(tenant_id=nobody, actor="staff:x", reason=""),
            reviews.record_facts(kyc_passed=True, tenant_id=nobody, actor=OPERATOR),
        ):
            with pytest.raises(NotFound):
                await refused
    assert await tree.status(tree.world.root) == "ACTIVE"
    assert await tree.owner.fetchval("select count(*) from tenant_events") == 0


async def test_a_reason_is_short(tree: Tree) -> None:
    with pytest.raises(Invalid):
        await reviews.suspend(tenant_id=tree.world.shop.id, actor=OPERATOR, reason="x" * 501)
    assert await tree.status(tree.world.shop) == "ACTIVE"


async def test_a_closing_tenant_is_closed_when_its_time_is_over(tree: Tree) -> None:
    shop = tree.world.shop
    await reviews.ask_to_close(tenant_id=shop.id, actor="staff:x", reason="enough")
    await tree.world.shift_clock("29 days 23 hours")
    assert await reviews.end_closings(10) == 0
    await tree.world.shift_clock("30 days 1 second")
    assert await reviews.end_closings(10) == 1
    assert await reviews.end_closings(10) == 0
    assert await tree.events(shop) == [
        ("ASK_TO_CLOSE", "ACTIVE", "CLOSING"),
        ("END", "CLOSING", "CLOSED"),
    ]


async def test_what_has_happened_is_never_changed(tree: Tree) -> None:
    await reviews.suspend(tenant_id=tree.world.shop.id, actor=OPERATOR, reason="")
    for change in ("update tenant_events set actor = 'nobody'", "delete from tenant_events"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await tree.owner.execute(change)


async def test_hundreds_who_change_one_tenant_at_once_make_one_life(tree: Tree) -> None:
    shop = tree.world.shop
    moves = (reviews.suspend, reviews.reopen)
    done = await asyncio.gather(
        *(
            moves[number % 2](tenant_id=shop.id, actor=OPERATOR, reason=str(number))
            for number in range(200)
        ),
        return_exceptions=True,
    )
    made = [answer for answer in done if isinstance(answer, TenantStatus)]
    assert all(isinstance(answer, TenantStatus | Invalid) for answer in done)
    events = await tree.owner.fetch(
        "select from_status, to_status from tenant_events where tenant_id = $1", shop.id
    )
    assert len(events) == len(made)
    # A life is a chain: as often into a state as out of it, but for where it stands now.
    balance = {status: 0 for status in ("ACTIVE", "SUSPENDED")}
    for event in events:
        balance[event["from_status"]] -= 1
        balance[event["to_status"]] += 1
    balance["ACTIVE"] += 1
    assert balance == {
        status: int(status == await tree.status(shop)) for status in ("ACTIVE", "SUSPENDED")
    }
    assert await tree.status(shop) in STANDING | {TenantStatus.SUSPENDED}
    assert not db.inside_transaction()
