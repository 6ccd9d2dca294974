"""Opening delivered keys: who, when and from where is written before anything is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from kernel import db
from kernel.errors import Invalid
from kernel.faults import crash_point
from kernel.ids import new_id
from orders import news, records
from orders.disputed import OPEN_OF_ORDER, disputed
from orders.records import Order, Viewer
from supply import pool, vault
from tenants.directory import Shop

MAX_KEYS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Witness:
    """Who opens a key and from where: the evidence of the reveal."""

    actor: str
    ip: str | None
    user_agent: str


@dataclass(frozen=True, slots=True)
class RevealedKey:
    """A key in the clear, with what proves that it was this one before the sale."""

    id: UUID
    line_id: UUID
    name_zh: str
    name_en: str
    serial: str
    secret: str
    salt_hex: str
    commitment_hex: str
    expires_at: datetime | None
    revealed_at: datetime


async def reveal_keys(
    *,
    shop: Shop,
    viewer: Viewer,
    order_no: str,
    delivered_key_ids: Sequence[UUID] | None,
    witness: Witness,
    channel: Literal["REVEAL", "EXPORT", "WEBHOOK"] = "REVEAL",
) -> tuple[Order, list[RevealedKey]]:
    """Open keys of a delivered order: all of them, or the named ones. Only the buyer may.

    Opening again is allowed and written down again. Raises `NotFound` for an order or a key that
    is not the viewer's, `Invalid` before delivery, `OrderDisputed` for a new key while the buyer's
    bank decides about its payment.
    """
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        order = await records.order_by_no(order_no, viewer, lock=True)
        if order.payment_status != "PAID":
            raise Invalid("This order has no keys yet: it is not paid.", field="orderNo")
        rows = await _locked_keys(order, delivered_key_ids)
        if any(row["is_frozen"] for row in rows):
            raise disputed()
        opened = [_opened(row) for row in rows]
        await _mark(order, rows, witness, channel)
        crash_point("reveal.marked")
    crash_point("reveal.committed")
    await news.order_changed(shop.id, order.id)
    return order, opened


async def _locked_keys(order: Order, wanted: Sequence[UUID] | None) -> Sequence[Mapping[str, Any]]:
    rows = await db.fetch(
        f"""select d.id, d.line_id, d.key_id,
                  coalesce(d.revealed_at, platform_now()) as revealed_at,
                  k.supplier_listing_id, v.serial, v.secret, v.secret_key_id, v.commitment,
                  k.expires_at, coalesce(l.title, s.name_zh) as name_zh,
                  coalesce(l.title, s.name_en) as name_en,
                  d.revealed_at is null and {OPEN_OF_ORDER.format(order_id="d.order_id")}
                      as is_frozen
           from delivered_keys d join keys k on k.id = d.key_id join sealed_keys v on v.id = k.id
           join skus s on s.id = k.sku_id
           join order_lines l on l.order_id = d.order_id and l.id = d.line_id
           where d.order_id = $1 and d.tenant_id = $2 and d.returned_at is null
             -- Whoever has all the money back opens nothing more, unless the shop has paid for it.
             and (d.revealed_at is not null or l.refunded_minor < l.net_minor - l.funded_minor
                  or exists (select 1 from refunds r
                             where r.order_id = l.order_id and r.line_id = l.id
                               and r.reason = 'GOODWILL'))
             and ($3::uuid[] is null or d.id = any ($3))
           order by d.id limit $4 for update of d""",
        order.id,
        order.tenant_id,
        list(wanted) if wanted is not None else None,
        MAX_KEYS_AT_ONCE,
    )
    if not rows or (wanted is not None and len(rows) != len(set(wanted))):
        raise records.no_such_key()
    return rows


def _opened(row: Mapping[str, Any]) -> RevealedKey:
    key = vault.open_key(
        key_id=row["key_id"],
        supplier_listing_id=row["supplier_listing_id"],
        secret=row["secret"],
        secret_key_id=row["secret_key_id"],
    )
    return RevealedKey(
        id=row["id"],
        line_id=row["line_id"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        serial=row["serial"],
        secret=key.secret,
        salt_hex=key.salt_hex,
        commitment_hex=row["commitment"].hex(),
        expires_at=row["expires_at"],
        revealed_at=row["revealed_at"],
    )


async def _mark(
    order: Order, rows: Sequence[Mapping[str, Any]], witness: Witness, channel: str
) -> None:
    delivered_ids = [row["id"] for row in rows]
    await db.execute(
        """update delivered_keys set revealed_at = platform_now()
           where id = any ($1) and revealed_at is null""",
        delivered_ids,
    )
    await pool.mark_revealed([row["key_id"] for row in rows])
    await db.execute(
        """insert into key_reveals (tenant_id, id, delivered_key_id, actor, channel, ip, user_agent)
           select $1, given.id, given.delivered_id, $4, $5, $6::inet, $7
           from unnest($2::uuid[], $3::uuid[]) as given (id, delivered_id)""",
        order.tenant_id,
        [new_id() for _ in delivered_ids],
        delivered_ids,
        witness.actor,
        channel,
        witness.ip,
        witness.user_agent[:300],
    )
    await db.execute("update orders set version = version + 1 where id = $1", order.id)
