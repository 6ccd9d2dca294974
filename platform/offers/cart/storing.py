"""The cart's rows. Whoever changes a cart locks it first, so that its lines change one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from identity.contact import open_field, seal_field
from kernel import crypto, db
from kernel.crypto import Sealed
from kernel.ids import new_id
from offers.cart.lines import CartLine, Values
from tenants.directory import Shop

KEPT_FOR: Final = timedelta(days=30)
"""Since somebody last put something in or changed something."""
_FORM: Final = "cart_lines.form"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose cart: a customer's, or a guest's who shows its token."""

    customer_id: UUID | None = None
    token: str | None = None

    @property
    def known(self) -> bool:
        """False for a guest without a token: there can be no cart."""
        return self.customer_id is not None or self.token is not None

    def values(self) -> tuple[UUID | None, bytes | None]:
        """Give the two values of `_WHOSE`. A customer's token opens nothing more."""
        token = self.token if self.customer_id is None else None
        return self.customer_id, crypto.token_hash(token) if token else None


@dataclass(frozen=True, slots=True)
class Cart:
    """A cart as it stands. `goods` has each line's names, sold or not."""

    id: UUID
    expires_at: datetime
    lines: tuple[CartLine, ...]
    goods: Mapping[UUID, "Goods"]


@dataclass(frozen=True, slots=True)
class Goods:
    """What a line is called, even when the shop sells it no more."""

    product_slug: str
    name_zh: str
    name_en: str


_WHOSE: Final = """
tenant_id = $1 and expires_at > platform_now()
and (customer_id = $2::uuid or token_hash = $3::bytea)
"""
_READ: Final = f"""
select cart.id as cart_id, cart.expires_at, line.id, line.slot, line.sku_id, line.offer_id,
       line.quantity, line.seen_price_minor, line.form, line.form_key_id, line.delivery_mode,
       product.slug as product_slug, sku.name_zh, sku.name_en
from (select tenant_id, id, expires_at from carts where {_WHOSE}) as cart
left join (cart_lines line join skus sku on sku.id = line.sku_id
           join products product on product.id = sku.product_id)
     on (line.tenant_id, line.cart_id) = (cart.tenant_id, cart.id)
order by line.slot"""


async def read(shop: Shop, holder: Holder) -> Cart | None:
    """The holder's cart with its lines, in one statement; None where there is none any more."""
    if not holder.known:
        return None
    rows = await db.read(core_scope(shop), _READ, shop.id, *holder.values())
    if not rows:
        return None
    filled = [row for row in rows if row["id"] is not None]
    return Cart(
        id=rows[0]["cart_id"],
        expires_at=rows[0]["expires_at"],
        lines=tuple(_line(row) for row in filled),
        goods={
            row["sku_id"]: Goods(row["product_slug"], row["name_zh"], row["name_en"])
            for row in filled
        },
    )


def core_scope(shop: Shop) -> db.Scope:
    """In which a cart is read, priced and written."""
    return db.core_scope(shop.id, path=shop.path)


async def lock_customers(shop: Shop, customer_id: UUID) -> UUID:
    """Lock a customer's cart, made if there is none; one past its time begins empty."""
    await db.execute(
        """delete from carts where tenant_id = $1 and customer_id = $2
           and expires_at <= platform_now()""",
        shop.id,
        customer_id,
    )
    cart_id: UUID = await db.fetch_value(
        """insert into carts (tenant_id, id, customer_id, expires_at)
           values ($1, $2, $3, platform_now() + $4::interval)
           on conflict (tenant_id, customer_id) do update set expires_at = excluded.expires_at
           returning id""",
        shop.id,
        new_id(),
        customer_id,
        KEPT_FOR,
    )
    return cart_id


async def lock_guests(shop: Shop, token: str) -> UUID | None:
    """Lock the cart that a guest's token opens; None where it opens none any more."""
    cart_id: UUID | None = await db.fetch_value(
        f"update carts set expires_at = platform_now() + $4::interval where {_WHOSE} returning id",
        shop.id,
        None,
        crypto.token_hash(token),
        KEPT_FOR,
    )
    return cart_id


async def open_guests(shop: Shop, token: str) -> UUID:
    """Make a cart for a guest, opened by this token and nothing else."""
    cart_id = new_id()
    await db.execute(
        """insert into carts (tenant_id, id, token_hash, expires_at)
           values ($1, $2, $3, platform_now() + $4::interval)""",
        shop.id,
        cart_id,
        crypto.token_hash(token),
        KEPT_FOR,
    )
    return cart_id


async def write_lines(shop: Shop, cart_id: UUID, lines: Sequence[CartLine]) -> None:
    """Write lines of a locked cart, new ones and changed ones."""
    sealed = [_sealed(line) for line in lines]
    await db.execute(
        """insert into cart_lines (tenant_id, cart_id, slot, id, sku_id, offer_id, quantity,
                                   seen_price_minor, form, form_key_id, delivery_mode)
           select $1, $2, * from unnest($3::smallint[], $4::uuid[], $5::uuid[], $6::uuid[],
                                        $7::int[], $8::bigint[], $9::bytea[], $10::smallint[],
                                        $11::text[])
           on conflict (tenant_id, cart_id, slot) do update
           set quantity = excluded.quantity, seen_price_minor = excluded.seen_price_minor,
               form = excluded.form, form_key_id = excluded.form_key_id""",
        shop.id,
        cart_id,
        [line.slot for line in lines],
        [line.id for line in lines],
        [line.sku_id for line in lines],
        [line.offer_id for line in lines],
        [line.quantity for line in lines],
        [line.seen_price_minor for line in lines],
        [one.ciphertext if one else None for one in sealed],
        [one.key_id if one else None for one in sealed],
        [line.delivery_mode for line in lines],
    )


async def drop_lines(shop: Shop, cart_id: UUID, line_ids: Sequence[UUID]) -> None:
    """Take lines out of a locked cart; those that are not in it are not looked for elsewhere."""
    await db.execute(
        "delete from cart_lines where tenant_id = $1 and cart_id = $2 and id = any ($3::uuid[])",
        shop.id,
        cart_id,
        list(line_ids),
    )


async def drop_cart(shop: Shop, cart_id: UUID) -> None:
    """Delete a locked cart with its lines."""
    await db.execute("delete from carts where tenant_id = $1 and id = $2", shop.id, cart_id)


async def forget_old_carts(at_most: int) -> int:
    """Delete carts that nobody has touched for 30 days; returns how many."""
    async with db.transaction(db.every_tenant(reason="forget carts past their time")):
        return await db.execute(
            """delete from carts where (tenant_id, id) in (
                   select tenant_id, id from carts where expires_at <= platform_now()
                   order by expires_at limit $1 for update skip locked)""",
            at_most,
        )


def _line(row: Mapping[str, Any]) -> CartLine:
    return CartLine(
        id=row["id"],
        slot=row["slot"],
        sku_id=row["sku_id"],
        offer_id=row["offer_id"],
        quantity=row["quantity"],
        seen_price_minor=row["seen_price_minor"],
        form=_opened(row),
        delivery_mode=row["delivery_mode"],
    )


def _sealed(line: CartLine) -> Sealed | None:
    if not line.form:
        return None
    return seal_field(orjson.dumps(dict(line.form)).decode(), row_id=line.id, column=_FORM)


def _opened(row: Mapping[str, Any]) -> Values:
    if row["form"] is None:
        return {}
    sealed = Sealed(row["form_key_id"], row["form"])
    values: Values = orjson.loads(open_field(sealed, row_id=row["id"], column=_FORM))
    return values
