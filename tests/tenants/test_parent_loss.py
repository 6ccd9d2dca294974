"""What a tenant's loss does to those below it, and what the database says of every move."""

import asyncio

import asyncpg
import pytest

from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from tenant_tree import OPERATOR, Tree
from tenants import reviews
from tenants.terms import Terms, set_terms
from world import ShopAt, plant_tenant

pytestmark = pytest.mark.engines


async def suspend(shop: ShopAt) -> None:
    await reviews.suspend(tenant_id=shop.id, actor=OPERATOR, reason="")


async def test_a_frozen_child_sells_nothing_while_its_parent_is_lost(tree: Tree) -> None:
    agent, shop = tree.world.agent, tree.world.shop
    below = await tree.plant("below", below=shop, on_parent_loss="REPARENT")
    await suspend(agent)
    for closed in (agent, shop, below):
        assert await tree.closure(closed) == "CLOSED"
        assert await tree.path(closed) == closed.path
    assert await tree.closure(tree.world.root) is None
    await reviews.reopen(tenant_id=agent.id, actor=OPERATOR, reason="")
    for open_again in (agent, shop, below):
        assert await tree.closure(open_again, open_again.path) is None


@pytest.mark.parametrize("how", ["suspend", "close", "ask_to_close"])
async def test_a_child_that_moves_takes_everything_below_it_to_the_grandparent(
    tree: Tree, how: str
) -> None:
    root, agent = tree.world.root, tree.world.agent
    mover = await tree.plant("mover", below=agent, on_parent_loss="REPARENT")
    below = await tree.plant("below", below=mover)
    deepest = await tree.plant("deepest", below=below)
    versions = await _versions(tree, mover, below, deepest)
    await getattr(reviews, how)(tenant_id=agent.id, actor=OPERATOR, reason="")
    assert await tree.path(mover) == (root.id, mover.id)
    assert await tree.path(below) == (root.id, mover.id, below.id)
    assert await tree.path(deepest) == (root.id, mover.id, below.id, deepest.id)
    for moved in (mover, below, deepest):
        assert await tree.closure(moved, moved.path) == "MOVED", "whoever believes in the old path"
        assert await tree.closure(moved, await tree.path(moved)) is None
    after = await _versions(tree, mover, below, deepest)
    assert all(new > old for new, old in zip(after, versions, strict=True))
    assert await tree.events(mover) == [("MOVE", "ACTIVE", "ACTIVE")]
    assert await tree.events(below) == []
    assert await tree.closure(tree.world.shop) == "CLOSED", "its contract says so"
    if how == "suspend":
        await reviews.reopen(tenant_id=agent.id, actor=OPERATOR, reason="")
        assert await tree.path(mover) == (root.id, mover.id), "who has moved stays"


async def _versions(tree: Tree, *shops: ShopAt) -> list[int]:
    return [
        await tree.owner.fetchval(
            "select version from catalogue_versions where owner_id = $1", shop.id
        )
        for shop in shops
    ]


async def test_a_restricted_parent_is_not_lost(tree: Tree) -> None:
    agent, shop = tree.world.agent, tree.world.shop
    await reviews.restrict(
        tenant_id=agent.id, orders_stopped=True, payouts_frozen=True, actor=OPERATOR, reason=""
    )
    assert await tree.closure(agent) == "CLOSED"
    assert await tree.closure(shop, shop.path) is None


async def test_a_lost_parents_restriction_ends_and_the_platforms_stays(tree: Tree) -> None:
    agent = tree.world.agent
    free = await tree.plant("free", below=agent, on_parent_loss="REPARENT")
    stopped = await tree.plant("stopped", below=agent, on_parent_loss="REPARENT")
    for child in (free, stopped):
        await reviews.restrict_child(
            parent_id=agent.id, child_id=child.id, restricted=True, actor="x", reason=""
        )
    await reviews.restrict(
        tenant_id=stopped.id, orders_stopped=True, payouts_frozen=False, actor=OPERATOR, reason=""
    )
    await suspend(agent)
    assert [await tree.status(free), await tree.closure(free)] == ["ACTIVE", None]
    assert [await tree.status(stopped), await tree.closure(stopped)] == ["RESTRICTED", "CLOSED"]


async def test_a_lost_parents_grade_and_secret_prices_end(tree: Tree) -> None:
    root, agent, shop = tree.world.root, tree.world.agent, tree.world.shop
    grade_id = new_id()
    await tree.owner.execute(
        "insert into agent_grades (tenant_id, id, name, rank) values ($1, $2, 'gold', 1)",
        agent.id,
        grade_id,
    )
    await tree.owner.execute(
        "update tenants set grade_id = $2, on_parent_loss = 'REPARENT' where id = $1",
        shop.id,
        grade_id,
    )
    await tree.owner.execute(
        """insert into price_rules (tenant_id, id, audience, scope, kind, value, for_kind, for_id)
           values ($1, $2, 'WHOLESALE', 'DEFAULT', 'FIXED_OVER_COST', 1, 'CHILD', $3)""",
        agent.id,
        new_id(),
        shop.id,
    )
    await suspend(agent)
    assert await tree.path(shop) == (root.id, shop.id)
    assert await tree.owner.fetchval("select grade_id from tenants where id = $1", shop.id) is None
    secret = "select count(*) from price_rules where for_kind = 'CHILD'"
    assert await tree.owner.fetchval(secret) == 0


async def test_it_moves_past_every_tenant_that_is_lost_too(tree: Tree) -> None:
    root, agent, shop = tree.world.root, tree.world.agent, tree.world.shop
    mover = await tree.plant("mover", below=shop, on_parent_loss="REPARENT")
    await suspend(agent)
    assert await tree.closure(mover) == "CLOSED"
    await suspend(shop)
    assert await tree.path(mover) == (root.id, mover.id)
    assert await tree.closure(mover) is None


async def test_a_contract_that_is_changed_after_the_loss_moves_the_child_then(tree: Tree) -> None:
    agent, shop = tree.world.agent, tree.world.shop
    await suspend(agent)
    await set_terms(
        tenant_id=shop.id,
        terms=Terms(on_parent_loss="REPARENT"),
        parent_id=None,
        actor=OPERATOR,
    )
    assert await tree.path(shop) == (tree.world.root.id, shop.id)
    assert await tree.events(shop) == [("MOVE", "ACTIVE", "ACTIVE")]


async def test_neighbours_that_are_lost_at_once_wait_for_each_other(tree: Tree) -> None:
    chain = [tree.world.agent]
    for number in range(4):
        chain.append(await tree.plant(f"link-{number}", below=chain[-1], on_parent_loss="REPARENT"))
    *lost, last = chain
    await asyncio.gather(*(suspend(shop) for shop in lost))
    assert await tree.path(last) == (tree.world.root.id, last.id)
    assert await tree.closure(last) is None


async def test_no_move_makes_a_circle(tree: Tree) -> None:
    root, agent, shop = tree.world.root, tree.world.agent, tree.world.shop
    move = "update tenants set parent_id = $2 where id = $1"
    for mover, target in ((agent, shop), (agent, agent)):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await tree.owner.execute(move, mover.id, target.id)
        assert refused.value.constraint_name == "tenants_acyclic"
    with pytest.raises(asyncpg.CheckViolationError):
        await tree.owner.execute(move, root.id, shop.id)
    for same in (root, agent, shop):
        assert await tree.path(same) == same.path


async def test_two_moves_that_would_make_a_circle_together_do_not(
    tree: Tree, database_url: str
) -> None:
    root = tree.world.root
    left = await tree.plant("left", below=root)
    right = await tree.plant("right", below=root)
    move = "update tenants set parent_id = $2 where id = $1"

    async def below(mover: ShopAt, target: ShopAt) -> bool:
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute(move, mover.id, target.id)
        except (asyncpg.CheckViolationError, asyncpg.DeadlockDetectedError):
            return False
        finally:
            await connection.close()
        return True

    done = await asyncio.gather(below(left, right), below(right, left))
    assert sorted(done) == [False, True]
    paths = await tree.owner.fetch("select id, parent_id, path from tenants")
    by_id = {row["id"]: row for row in paths}
    for row in paths:
        above = by_id[row["parent_id"]]["path"] if row["parent_id"] else []
        assert row["path"] == [*above, row["id"]]


async def test_the_tree_grows_as_deep_as_its_root_allows_and_no_deeper(tree: Tree) -> None:
    below = tree.world.shop
    for depth in range(3, 6):
        below = await tree.plant(f"level-{depth}", below=below)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await plant_tenant(tree.owner, "too-deep", parent=below)
    assert refused.value.constraint_name == "tenants_depth"
    assert await tree.owner.fetchval("select max(depth) from tenants") == 5


async def test_a_depth_is_never_more_than_the_parents(tree: Tree) -> None:
    root, agent, shop = tree.world.root, tree.world.agent, tree.world.shop

    async def limit(at: ShopAt, depth: int, *, by: ShopAt | None = None) -> None:
        await set_terms(
            tenant_id=at.id,
            terms=Terms(max_child_depth=depth),
            parent_id=by.id if by else None,
            actor=OPERATOR,
        )

    async def limits() -> list[int]:
        rows = await tree.owner.fetch("select max_child_depth from tenants order by depth")
        return [row["max_child_depth"] for row in rows]

    assert await limits() == [5, 5, 5]
    for at, depth in ((shop, 6), (shop, 1), (agent, 3), (root, 10)):
        with pytest.raises(Invalid):
            await limit(at, depth)
    with pytest.raises(NotFound):
        await limit(shop, 3, by=root)
    assert await limits() == [5, 5, 5]
    await limit(shop, 2, by=agent)
    with pytest.raises(asyncpg.CheckViolationError):
        await plant_tenant(tree.owner, "too-deep", parent=shop)
    await limit(agent, 2)
    await limit(root, 7)
    assert await limits() == [7, 2, 2]
    heir = await plant_tenant(tree.owner, "heir", parent=agent)
    assert await limits() == [7, 2, 2, 2]
    assert heir.path == (root.id, agent.id, heir.id)
