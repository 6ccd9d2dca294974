"""A world of two shops under one root, with a row of each in every table that has a fence."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_bytes, token_hex
from typing import Any
from uuid import UUID

import asyncpg

from kernel.ids import new_id

Row = Mapping[str, Any]
PAID_AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@dataclass(frozen=True)
class Goods:
    """One SKU of one supplier, shared by every shop."""

    sku_id: UUID
    supplier_id: UUID
    supplier_listing_id: UUID
    batch_id: UUID


@dataclass(frozen=True)
class PlantedTenant:
    """A shop and the one row of it in each fenced table."""

    id: UUID
    path: tuple[UUID, ...]
    rows: Mapping[str, Row]


@dataclass(frozen=True)
class TwoTenants:
    """Two shops that must never see each other."""

    root_id: UUID
    goods: Goods
    ours: PlantedTenant
    theirs: PlantedTenant


@dataclass(frozen=True)
class Shops:
    """Two shops with nobody in them yet."""

    ours: UUID
    theirs: UUID


async def insert(owner: asyncpg.Connection, table: str, **values: Any) -> Row:
    """Write one row past every fence, as the owner, and return it."""
    columns = ", ".join(values)
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    row = await owner.fetchrow(
        f"insert into {table} ({columns}) values ({places}) returning *", *values.values()
    )
    assert row is not None
    return dict(row)


async def plant_root(owner: asyncpg.Connection) -> UUID:
    """The platform's own shop."""
    row = await insert(
        owner,
        "tenants",
        id=new_id(),
        path=[],
        kind="ROOT",
        slug="root",
        name="Root",
        currency="CNY",
    )
    return UUID(str(row["id"]))


async def plant_goods(owner: asyncpg.Connection) -> Goods:
    """A category, a product, a SKU, and a supplier who offers it."""
    category_id, product_id, sku_id = new_id(), new_id(), new_id()
    names = {"name_zh": "卡", "name_en": "Card"}
    await insert(
        owner, "categories", id=category_id, path=[category_id], slug=token_hex(4), **names
    )
    await insert(
        owner, "products", id=product_id, category_id=category_id, slug=token_hex(4), **names
    )
    await insert(owner, "skus", id=sku_id, product_id=product_id, code=token_hex(4), **names)
    supplier = await insert(owner, "suppliers", id=new_id(), name="Supplier")
    listing = await insert(
        owner,
        "supplier_listings",
        id=new_id(),
        supplier_id=supplier["id"],
        sku_id=sku_id,
        supply_price_minor=7600,
        currency="CNY",
    )
    batch = await insert(
        owner,
        "key_batches",
        id=new_id(),
        supplier_listing_id=listing["id"],
        sku_id=sku_id,
        file_hash=token_bytes(32),
    )
    return Goods(sku_id, supplier["id"], listing["id"], batch["id"])


async def plant_tenant(
    owner: asyncpg.Connection, slug: str, *, parent_id: UUID, goods: Goods
) -> PlantedTenant:
    """A shop below a parent, with one row in every fenced table."""
    tenant = await _plant_shop(owner, slug, parent_id)
    shop = {"tenant_id": tenant["id"]}
    rows = {"tenants": tenant}
    rows |= await _plant_settings(owner, shop, slug, goods)
    rows |= await _plant_people(owner, shop, slug)
    rows |= await _plant_sale(owner, shop, goods, rows["customers"]["id"])
    rows |= await _plant_webhook(owner, shop)
    rows |= await _plant_coupon(owner, shop, slug, rows["order_lines"])
    rows |= await _plant_payout(owner, shop, rows["memberships"]["staff_id"])
    rows |= await _plant_wishes(owner, shop, goods, rows)
    return PlantedTenant(tenant["id"], tuple(tenant["path"]), rows)


async def two_shops(owner: asyncpg.Connection) -> Shops:
    """Two shops under one root, and nothing else."""
    root_id = await plant_root(owner)
    tenants = [await _plant_shop(owner, slug, root_id) for slug in ("ours", "theirs")]
    return Shops(*(tenant["id"] for tenant in tenants))


async def two_tenants(owner: asyncpg.Connection) -> TwoTenants:
    """The whole world: a root, its goods, and two shops side by side."""
    root_id = await plant_root(owner)
    goods = await plant_goods(owner)
    return TwoTenants(
        root_id,
        goods,
        ours=await plant_tenant(owner, "ours", parent_id=root_id, goods=goods),
        theirs=await plant_tenant(owner, "theirs", parent_id=root_id, goods=goods),
    )


async def _plant_shop(owner: asyncpg.Connection, slug: str, parent_id: UUID) -> Row:
    return await insert(
        owner,
        "tenants",
        id=new_id(),
        parent_id=parent_id,
        path=[],
        kind="AGENT",
        slug=slug,
        name=slug,
        currency="CNY",
    )


async def _plant_settings(
    owner: asyncpg.Connection, shop: Row, slug: str, goods: Goods
) -> dict[str, Row]:
    rows: dict[str, Row] = {
        "tenant_domains": {"id": new_id(), "host": f"{slug}.example.test", "kind": "SUBDOMAIN"},
        "price_rules": {
            "id": new_id(),
            "audience": "RETAIL",
            "scope": "DEFAULT",
            "kind": "PASS_THROUGH",
        },
        "price_limits": {"sku_id": goods.sku_id, "floor_minor": 100},
        "agent_grades": {"id": new_id(), "name": slug, "rank": 1},
        "membership_tiers": {"id": new_id(), "name": slug, "rank": 1},
        "promotions": {"id": new_id(), "name": slug},
        "price_alerts": {
            "id": new_id(),
            "shop_id": shop["tenant_id"],
            "sku_id": goods.sku_id,
            "guard": "G2",
        },
        "price_files": {"id": new_id(), "format": "CSV", "content": slug.encode()},
        "price_imports": {
            "id": new_id(),
            "dry_run": True,
            "state": "DONE",
            "ended_at": PAID_AT,
        },
        "tier_recounts": {"starts_at": PAID_AT},
        "tenant_listings": {"sku_id": goods.sku_id, "title_override": slug},
        "storefronts": {"id": new_id(), "logo_url": f"https://{slug}.example/logo.png"},
        "storefront_texts": {"locale": "en", "kind": "BRAND", "body": slug},
        "storefront_contacts": {"position": 1, "kind": "QQ", "value": slug},
        "tenant_events": {
            "id": new_id(),
            "change": "APPLY",
            "to_status": "APPLIED",
            "actor": slug,
        },
        "tenant_invitations": {
            "id": new_id(),
            "token_hash": token_bytes(32),
            "on_parent_loss": "FREEZE",
            "settlement_mode": "PLATFORM_COLLECT",
            "created_by": slug,
            "expires_at": PAID_AT,
        },
    }
    return {table: await insert(owner, table, **shop, **row) for table, row in rows.items()}


async def _plant_people(owner: asyncpg.Connection, shop: Row, slug: str) -> dict[str, Row]:
    staff = await insert(owner, "staff_users", id=new_id(), name=slug)
    program_id, customer_id, client_id = new_id(), new_id(), new_id()
    rows: dict[str, Row] = {
        "customers": {"id": customer_id, "name": slug},
        "tier_dues": {"customer_id": customer_id},
        "customer_tier_changes": {
            "id": new_id(),
            "customer_id": customer_id,
            "happened_at": PAID_AT,
            "reason": "WITHDRAWN",
            "actor": slug,
        },
        "memberships": {"staff_id": staff["id"], "roles": ["OWNER"]},
        "api_clients": {"id": client_id, "name": slug, "scopes": ["API_ORDERS_READ"]},
        "api_client_uses": {"client_id": client_id, "used_at": PAID_AT},
        "staff_invitations": {
            "id": new_id(),
            "account": token_bytes(40),
            "account_index": token_bytes(32),
            "data_key_id": 1,
            "roles": ["SUPPORT"],
            "token_hash": token_bytes(32),
            "invited_by": staff["id"],
            "expires_at": datetime(2100, 1, 1, tzinfo=UTC),
        },
        "password_resets": {
            "id": new_id(),
            "staff_id": staff["id"],
            "contact_kind": "email",
            "origin": f"https://{slug}.example",
            "token_hash": token_bytes(32),
            "expires_at": datetime(2100, 1, 1, tzinfo=UTC),
        },
        "staff_events": {
            "id": new_id(),
            "actor": "platform",
            "kind": "JOINED",
            "subject_id": staff["id"],
        },
        "idempotency_records": {
            "actor": slug,
            "key": slug,
            "request_hash": token_bytes(32),
            "result_kind": "ORDER",
            "result_id": new_id(),
        },
        "affiliate_programs": {"id": program_id, "name": slug, "rate_bp": 500},
        "affiliates": {
            "id": new_id(),
            "program_id": program_id,
            "name": slug,
            "code": f"friend{slug}",
        },
    }
    return {table: await insert(owner, table, **shop, **row) for table, row in rows.items()}


async def _plant_sale(
    owner: asyncpg.Connection, shop: Row, goods: Goods, customer_id: UUID
) -> dict[str, Row]:
    order_id, line_id, key_id = new_id(), new_id(), new_id()
    await insert(owner, "sealed_keys", **_sealed_key(goods, key_id))
    await insert(owner, "keys", **_sold_key(goods, key_id, line_id))
    delivered_id = new_id()
    of_line = {"order_id": order_id, "line_id": line_id}
    rows: dict[str, Row] = {
        "orders": _paid_order(order_id, customer_id, shop["tenant_id"]),
        "order_lines": {
            "id": line_id,
            "order_id": order_id,
            "sku_id": goods.sku_id,
            "supplier_listing_id": goods.supplier_listing_id,
            "quantity": 1,
            "unit_price_minor": 11_000,
            "net_minor": 10_500,
            "delivery_mode": "AUTO_KEY",
            "key_ids": [key_id],
        },
        "line_shares": {
            "id": new_id(),
            **of_line,
            "party_kind": "TENANT",
            "party_id": shop["tenant_id"],
            "role": "SHOP_MARGIN",
            "amount_minor": 10_500,
            "currency": "CNY",
        },
        "delivered_keys": {
            "id": delivered_id,
            **of_line,
            "key_id": key_id,
            "delivered_at": PAID_AT,
            "revealed_at": PAID_AT,
        },
        "key_reveals": {
            "id": new_id(),
            "delivered_key_id": delivered_id,
            "actor": "customer",
            "channel": "REVEAL",
            "ip": "192.0.2.1",
        },
        "manual_deliveries": {
            **of_line,
            "party_id": goods.supplier_id,
            "sku_id": goods.sku_id,
            "quantity": 1,
            "minutes": 60,
            "by_account": False,
            "state": "DELIVERED",
            "due_at": PAID_AT,
            "begun_at": PAID_AT,
            "ended_at": PAID_AT,
        },
        "manual_events": {
            "id": new_id(),
            "line_id": line_id,
            "kind": "LOOKED",
            "actor": "supplier",
        },
    }
    planted = {table: await insert(owner, table, **shop, **row) for table, row in rows.items()}
    planted |= await _plant_payment(owner, shop, order_id, customer_id)
    return (
        planted
        | await _plant_trade(owner, shop)
        | await _plant_deposit(owner, shop)
        | await _plant_dispute(owner, shop, planted)
    )


async def _plant_dispute(
    owner: asyncpg.Connection, shop: Row, sale: Mapping[str, Row]
) -> dict[str, Row]:
    """A payment of the order's, which a bank wants back."""
    case_id, payment_id, order_id = new_id(), new_id(), sale["orders"]["id"]
    paid = {"id": payment_id, "purpose": "ORDER", "order_id": order_id, "method": "CARD"}
    paid |= {"currency": "CNY", "channel_minor": 10_500, "status": "FAILED", "provider": "stripe"}
    await insert(owner, "payments", **shop, **paid)
    rows: dict[str, Row] = {
        "chargeback_liabilities": {"id": new_id(), "liability": "SHOP", "actor": "operator"},
        "disputes": {
            "id": case_id,
            "payment_id": payment_id,
            "order_id": order_id,
            "provider": "stripe",
            "provider_ref": token_hex(4),
            "currency": "CNY",
            "amount_minor": 10_500,
            "reason": "fraudulent",
            "state": "NEEDS_RESPONSE",
            "liability": "SHOP",
            "opened_at": PAID_AT,
            "next_poll_at": PAID_AT,
        },
        "dispute_charges": {
            "dispute_id": case_id,
            "party_id": shop["tenant_id"],
            "kind": "FEE",
            "amount_minor": 1_500,
        },
        "dispute_answers": {
            "id": new_id(),
            "dispute_id": case_id,
            "words": "{}",
            "actor": "operator",
        },
    }
    return {table: await insert(owner, table, **shop, **row) for table, row in rows.items()}


async def _plant_payment(
    owner: asyncpg.Connection, shop: Row, order_id: UUID, customer_id: UUID
) -> dict[str, Row]:
    """A payment that was made on a page of the channel's."""
    payment_id = new_id()
    await insert(
        owner,
        "payments",
        **shop,
        id=payment_id,
        purpose="ORDER",
        order_id=order_id,
        customer_id=customer_id,
        method="CARD",
        currency="CNY",
        channel_minor=10_500,
        status="FAILED",
        provider="stripe",
    )
    card_id, whose = new_id(), {"customer_id": customer_id}
    rows: dict[str, Row] = {
        "channel_customers": {**whose, "provider": "stripe", "provider_ref": token_hex(8)},
        "saved_cards": {
            **whose,
            "id": card_id,
            "provider": "stripe",
            "provider_ref": token_hex(8),
            "fingerprint": token_bytes(32),
            "brand": "visa",
            "last4": "4242",
            "expires_month": 12,
            "expires_year": 2040,
        },
        "payment_choices": {
            **whose,
            "payment_id": payment_id,
            "mode": "ELEMENTS",
            "saved_card_id": card_id,
        },
    }
    return {table: await insert(owner, table, **shop, **row) for table, row in rows.items()}


async def _plant_trade(owner: asyncpg.Connection, shop: Row) -> dict[str, Row]:
    move_id = new_id()
    rows: dict[str, Row] = {
        "trade_settings": {"low_balance_minor": 200},
        "trade_moves": {
            "id": move_id,
            "kind": "BANK_CREDIT",
            "amount_minor": 100,
            "balance_minor": 100,
            "currency": "CNY",
            "bank_reference": token_hex(4),
            "moved_at": PAID_AT,
        },
        "low_balance_alerts": {
            "id": move_id,
            "threshold_minor": 200,
            "balance_minor": 100,
            "currency": "CNY",
            "raised_at": PAID_AT,
        },
    }
    return {table: await insert(owner, table, **shop, **row) for table, row in rows.items()}


async def _plant_deposit(owner: asyncpg.Connection, shop: Row) -> dict[str, Row]:
    payment_id = new_id()
    await insert(
        owner,
        "payments",
        **shop,
        id=payment_id,
        purpose="DEPOSIT_TOP_UP",
        method="CARD",
        currency="CNY",
        channel_minor=100,
        provider="stripe",
    )
    party = {"party_kind": "TENANT", "party_id": shop["tenant_id"]}
    rows: dict[str, Row] = {
        "deposit_top_ups": {"payment_id": payment_id},
        "deposit_holds": {
            "id": new_id(),
            "case_id": new_id(),
            "currency": "CNY",
            "amount_minor": 100,
            "reason": "a claim",
            "held_by": "operator",
        },
        "deposit_standings": {"currency": "CNY"},
    }
    return {
        table: await insert(owner, table, **shop, **party, **row) for table, row in rows.items()
    }


async def _plant_webhook(owner: asyncpg.Connection, shop: Row) -> dict[str, Row]:
    endpoint_id, event_id, delivery_id = new_id(), new_id(), new_id()
    rows: dict[str, Row] = {
        "webhook_endpoints": {
            "id": endpoint_id,
            "slot": 1,
            "url": "https://hooks.example.test/",
            "event_types": ["balance.low"],
            "secret": token_bytes(40),
            "secret_key_id": 1,
        },
        "outbox_events": {
            "id": event_id,
            "type": "balance.low",
            "object_kind": "balance",
            "object_id": shop["tenant_id"],
            "sequence": 1,
            "handed_on_at": PAID_AT,
        },
        "webhook_deliveries": {
            "id": delivery_id,
            "endpoint_id": endpoint_id,
            "event_id": event_id,
            "number": 1,
            "object_id": shop["tenant_id"],
            "status": "DELIVERED",
            "ended_at": PAID_AT,
        },
        "webhook_attempts": {
            "id": new_id(),
            "delivery_id": delivery_id,
            "number": 1,
            "sent_at": PAID_AT,
            "latency_ms": 20,
        },
        "webhook_alerts": {"id": new_id(), "endpoint_id": endpoint_id, "kind": "PAUSED"},
        "told_balances": {"id": new_id(), "balance_minor": 0},
    }
    return {table: await insert(owner, table, **shop, **row) for table, row in rows.items()}


async def _plant_wishes(
    owner: asyncpg.Connection, shop: Row, goods: Goods, sale: Mapping[str, Row]
) -> dict[str, Row]:
    cart_id, customer_id = new_id(), sale["customers"]["id"]
    rows: dict[str, Row] = {
        "carts": {"id": cart_id, "customer_id": customer_id, "expires_at": PAID_AT},
        "cart_lines": {
            "cart_id": cart_id,
            "slot": 1,
            "id": new_id(),
            "sku_id": goods.sku_id,
            "quantity": 1,
            "seen_price_minor": 10_500,
        },
        "saved_contacts": {
            "id": new_id(),
            "customer_id": customer_id,
            "slot": 1,
            "kind": "EMAIL",
            "value": token_bytes(40),
            "value_index": token_bytes(32),
            "data_key_id": 1,
        },
        "order_forms": {
            "order_id": sale["orders"]["id"],
            "line_id": sale["order_lines"]["id"],
            "form": token_bytes(40),
            "form_key_id": 1,
        },
    }
    rows |= _points(customer_id) | _vouchers()
    return {table: await insert(owner, table, **shop, **row) for table, row in rows.items()}


async def _plant_payout(owner: asyncpg.Connection, shop: Row, staff_id: UUID) -> dict[str, Row]:
    """A payout that waits at the desk, and somebody who has approved it."""
    method_id, payout_id, requested_by = new_id(), new_id(), new_id()
    of_party = {"party_kind": "TENANT", "party_id": shop["tenant_id"], "currency": "CNY"}
    rows: dict[str, Row] = {
        "payout_methods": {
            "id": method_id, **of_party, "kind": "STRIPE_ACCOUNT", "ready": True,
            "created_by": "staff", "usable_at": PAID_AT,
        },
        "payouts": {
            "id": payout_id, **of_party, "method_id": method_id, "method_kind": "STRIPE_ACCOUNT",
            "amount_minor": 500, "fee_minor": 2, "state": "CHECKING", "approvals_needed": 2,
            "requested_by": requested_by, "request_key": "key", "changed_by": "staff",
        },
    }  # fmt: skip
    planted = {table: await insert(owner, table, **shop, **row) for table, row in rows.items()}
    await insert(
        owner,
        "payout_approvals",
        payout_id=payout_id,
        round=1,
        approver_id=staff_id,
        requested_by=requested_by,
    )
    (event,) = await owner.fetch("select * from payout_events where payout_id = $1", payout_id)
    return {**planted, "payout_events": dict(event)}


def _points(customer_id: UUID) -> dict[str, Row]:
    """Ten points that were given by hand."""
    lot_id = new_id()
    return {
        "points_programs": {
            "is_on": True, "earn_bp": 100, "point_minor": 1, "lasts_days": 365,
            "most_bp": 5_000, "least_points": 10,
        },
        "points_lots": {
            "id": lot_id, "customer_id": customer_id, "origin": "GRANTED", "points": 10,
            "left_points": 10, "expires_at": PAID_AT, "created_at": PAID_AT,
        },
        "points_moves": {
            "customer_id": customer_id, "lot_id": lot_id, "kind": "GRANTED", "points": 10,
            "actor": "staff", "reason": "sorry", "request_key": "key", "moved_at": PAID_AT,
        },
    }  # fmt: skip


def _vouchers() -> dict[str, Row]:
    """A batch of one code."""
    batch_id = new_id()
    return {
        "voucher_batches": {
            "id": batch_id, "name": "gift", "funder": "SHOP", "value_minor": 100, "currency": "CNY",
            "count": 1, "starts_at": PAID_AT, "ends_at": PAID_AT + timedelta(days=1),
            "state": "ACTIVE", "made_by": "staff", "request_key": "key",
        },
        "vouchers": {
            "id": new_id(), "batch_id": batch_id, "code_hash": token_bytes(32),
            "last_letters": "ABCD",
        },
    }  # fmt: skip


async def _plant_coupon(
    owner: asyncpg.Connection, shop: Row, slug: str, line: Row
) -> dict[str, Row]:
    """A coupon of 5.00 that the shop pays for, used by the order."""
    coupon_id, code_id = new_id(), new_id()
    of_order = {"order_id": line["order_id"], "coupon_id": coupon_id}
    rows: dict[str, Row] = {
        "coupons": _coupon(coupon_id, slug),
        "coupon_payers": {
            "coupon_id": coupon_id, "place": 1, "kind": "SHOP", "share_bp": 10_000,
        },
        "coupon_codes": {
            "id": code_id, "coupon_id": coupon_id, "code": slug.upper(), "is_single": False,
        },
        "coupon_uses": {
            "id": new_id(), **of_order, "code_id": code_id, "returned_by_refund": True,
            "created_at": PAID_AT,
        },
        "discount_lines": {
            "id": new_id(), **of_order, "line_id": line["id"], "source": "COUPON",
            "amount_minor": 500, "currency": "CNY", "funder_kind": "SHOP",
        },
    }  # fmt: skip
    async with owner.transaction():
        return {table: await insert(owner, table, **shop, **row) for table, row in rows.items()}


def _coupon(coupon_id: UUID, slug: str) -> Row:
    return {
        "id": coupon_id,
        "name": slug,
        "kind": "FIXED",
        "amount_minor": 500,
        "currency": "CNY",
        "reach": "SHOP",
        "guests": True,
        "stacking": "EXCLUSIVE",
        "returned_by_refund": True,
        "listed": False,
        "starts_at": PAID_AT,
        "ends_at": PAID_AT + timedelta(days=30),
    }


def _paid_order(order_id: UUID, customer_id: UUID, tenant_id: UUID) -> Row:
    return {
        "id": order_id,
        "no": f"K20260102-{token_hex(5).upper()}",
        "customer_id": customer_id,
        "path": [tenant_id],
        "currency": "CNY",
        "total_minor": 10_500,
        "payment_status": "PAID",
        "fulfilment_status": "DELIVERED",
        "expires_at": PAID_AT + timedelta(minutes=15),
        "paid_at": PAID_AT,
        "delivered_at": PAID_AT,
    }


def _sealed_key(goods: Goods, key_id: UUID) -> Row:
    return {
        "id": key_id,
        "batch_id": goods.batch_id,
        "serial": token_hex(4),
        "secret": token_bytes(40),
        "secret_key_id": 1,
        "fingerprint": token_bytes(32),
        "commitment": token_bytes(32),
    }


def _sold_key(goods: Goods, key_id: UUID, line_id: UUID) -> Row:
    return {
        "id": key_id,
        "supplier_listing_id": goods.supplier_listing_id,
        "sku_id": goods.sku_id,
        "position": 1,
        "status": "REVEALED",
        "held_by_line_id": line_id,
    }
