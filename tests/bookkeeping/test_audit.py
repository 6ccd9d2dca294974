"""What people decide is kept by the statement that makes it so, and nobody alters it unseen."""

import asyncio

import asyncpg
import pytest

from bookkeeping import audit
from bookkeeping.audit import AuditFilter
from entrypoints import audit_command
from entrypoints.verify import BROKEN, HOLDS, NOT_EXAMINED, verify
from kernel import db
from kernel.ids import new_id
from kernel.scope import actor
from kernel.settings import Settings
from patience import until
from world import World, build_world

pytestmark = pytest.mark.engines


def _of_suppliers(world: World) -> AuditFilter:
    """As an operator asks at the platform's own address."""
    return AuditFilter(world.root.id, subject="suppliers", with_platforms=True)


@pytest.fixture
async def world(owner: asyncpg.Connection, database: Settings) -> World:
    return await build_world(owner, keys=0)


async def decide(commission_bp: int, *, by: str = "") -> None:
    """Change what the platform takes of the supplier, as an operator's mutation does."""
    speaker = actor.set(by)
    try:
        async with db.transaction(db.core_scope()):
            await db.execute("update suppliers set commission_bp = $1", commission_bp)
    finally:
        actor.reset(speaker)


async def seal(owner: asyncpg.Connection) -> None:
    """Chain everything; writers of other databases of the server may hold that back."""

    async def left() -> int:
        await audit.seal_audit()
        number: int = await owner.fetchval(
            """select count(*) from audit_events
               where not exists (select from audit_seals where event_number = number)"""
        )
        return number

    await until(left, lambda number: number == 0)


async def test_a_decision_is_kept_with_who_made_it_and_what_it_was_before(world: World) -> None:
    await decide(450, by="operator:one")
    await decide(450, by="operator:two")  # decides nothing
    await decide(700)
    page = await audit.audit_page(_of_suppliers(world), reader_id=None, first=2, after=None)
    latest, one = page.events
    assert (latest.actor, latest.after) == ("platform", {"commission_bp": 700})
    assert (one.actor, one.action) == ("operator:one", "UPDATE")
    assert (one.before, one.after) == ({"commission_bp": 500}, {"commission_bp": 450})
    assert one.subject_id == str(world.goods.supplier_id)
    rest = await audit.audit_page(
        _of_suppliers(world), reader_id=None, first=2, after=page.cursors[-1]
    )
    assert [event.action for event in rest.events] == ["INSERT"]
    assert not rest.has_next


async def test_what_rolls_back_was_never_decided(world: World) -> None:
    with pytest.raises(RuntimeError):
        async with db.transaction(db.core_scope()):
            await db.execute("update suppliers set commission_bp = 1")
            raise RuntimeError
    page = await audit.audit_page(_of_suppliers(world), reader_id=None, first=5, after=None)
    assert [event.action for event in page.events] == ["INSERT"]


async def test_a_shop_reads_its_own_log_without_what_others_decided_about_it(world: World) -> None:
    await world.rule(world.shop, "RETAIL", "FIXED_OVER_COST", 77)
    await world.rule(world.agent, "RETAIL", "FIXED_OVER_COST", 88)
    await world.owner.execute("update tenants set max_markup_bp = 4000")
    page = await audit.audit_page(
        AuditFilter(world.shop.id, for_tenant=True),
        reader_id=world.shop.id,
        first=50,
        after=None,
    )
    assert {event.subject for event in page.events} == {"price_rules", "tenant_domains"}
    assert [(event.after or {}).get("value") for event in page.events][0] == 77


async def test_the_chain_shows_every_change_of_the_past(
    world: World, owner: asyncpg.Connection, config: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await decide(450, by="operator:one")
    await seal(owner)
    head = await audit.audit_head()
    assert head is not None
    anchor = f"{head.sequence}:{head.hash.hex()}"
    await decide(451)
    await seal(owner)
    assert await audit.seal_audit() == 0
    assert await verify(config.database_url) == []
    assert await _command(config, anchor) == HOLDS
    assert await _command(config, "nonsense") == NOT_EXAMINED
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        # Whoever owns the database alters an event, and writes the whole chain anew.
        await owner.execute("update audit_events set actor = 'operator:nobody'")
        await owner.execute("truncate audit_seals; update audit_mark set sealed_below = '0'")
    await seal(owner)
    assert await verify(config.database_url) == []
    assert await _command(config, None) == HOLDS
    assert await _command(config, anchor) == BROKEN
    assert "has written it anew" in capsys.readouterr().out


async def _command(config: Settings, anchor: str | None) -> int:
    """`kameng audit`, which has an event loop of its own."""
    return await asyncio.to_thread(
        audit_command.main, anchor=anchor, database_url=config.database_url
    )


async def test_no_secret_of_a_watched_table_is_kept(owner: asyncpg.Connection) -> None:
    """The columns that are kept are named one by one; what is sealed or hashed is none of them."""
    rows = await owner.fetch(
        """select relname, encode(tgargs, 'escape') as arguments from pg_trigger
           join pg_class on pg_class.oid = tgrelid where tgname = 'audited'"""
    )
    assert len(rows) >= 13
    kept = " ".join(row["arguments"] for row in rows)
    assert not any(word in kept for word in ("secret", "hash", "password", "token", "contact"))


async def test_what_people_decide_about_money_is_kept_and_what_the_worker_does_is_not(
    world: World, owner: asyncpg.Connection
) -> None:
    file_id, by_itself, by_hand, policy_id, batch_id = (new_id() for _ in range(5))
    await owner.execute(
        """insert into bank_files (id, state, uploaded_by, ended_at)
           values ($1, 'DONE', 'operator:one', now())""",
        file_id,
    )
    await owner.executemany(
        """insert into bank_lines (id, file_id, bank_id, booked_on, amount_minor, currency, message,
                                   sender, sender_key_id, state)
           values ($1, $2, $1::uuid::text, '2026-01-01', 100, 'CNY', '', '', 1, 'WAITING')""",
        [(line_id, file_id) for line_id in (by_itself, by_hand)],
    )
    speaker = actor.set("operator:one")
    try:
        async with db.transaction(db.core_scope(world.shop.id)):
            await db.execute(
                """insert into deposit_policies (id, party_kind, currency, base_minor, exposure_bp,
                       target_rate_bp, least_minor, most_minor, grace_minor, set_by)
                   values ($1, 'SUPPLIER', 'CNY', 1, 1, 1, 1, 1, 1, 'operator:one')""",
                policy_id,
            )
            await db.execute(
                """insert into voucher_batches (tenant_id, id, name, funder, value_minor, currency,
                       count, starts_at, ends_at, state, made_by, request_key)
                   values ($1, $2, 'gift', 'PLATFORM', 100, 'CNY', 1, now(), now() + interval '1d',
                           'ACTIVE', 'operator:one', 'a key')""",
                world.shop.id,
                batch_id,
            )
            await db.execute("update voucher_batches set state = 'BLOCKED' where id = $1", batch_id)
            for line_id, by in ((by_itself, "reference"), (by_hand, "operator:one")):
                await db.execute(
                    """update bank_lines set state = 'RETURNED', decided_by = $2, used_at = now()
                       where id = $1""",
                    line_id,
                    by,
                )
    finally:
        actor.reset(speaker)
    kept = await owner.fetch(
        """select subject, action, subject_id, after ->> 'state' as state, actor from audit_events
           where actor = 'operator:one' order by number"""
    )
    assert [tuple(row) for row in kept] == [
        ("deposit_policies", "INSERT", str(policy_id), None, "operator:one"),
        ("voucher_batches", "INSERT", f"{world.shop.id} {batch_id}", "ACTIVE", "operator:one"),
        ("voucher_batches", "UPDATE", f"{world.shop.id} {batch_id}", "BLOCKED", "operator:one"),
        ("bank_lines", "UPDATE", str(by_hand), "RETURNED", "operator:one"),
    ]
