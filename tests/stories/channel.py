"""A payment channel that says what a test wants, to the application inside the test's process."""

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson

from billing import payments
from kernel import db
from kernel.ids import new_id
from offers.quotes import Wish
from orders import paying
from orders.checkout import Buyer
from processes import WEBHOOK_SECRET
from tenants.directory import Shop, shop_by_id
from world import World

WEBHOOK = "/payments/stripe/webhook"
TOTAL_MINOR = 11_000
"""What a buyer of the world's shop pays for a piece."""


@dataclass(frozen=True)
class Asked:
    """A payment that the channel was asked for, and the order that waits for it."""

    order_id: UUID
    payment_id: UUID
    intent_id: str
    channel_minor: int


def signed(body: bytes, *, secret: str = WEBHOOK_SECRET, age_seconds: int = 0) -> str:
    """Stripe's signature header: HMAC-SHA256 over `timestamp.body`."""
    timestamp = int(time.time()) - age_seconds
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"


def event(asked: Asked, kind: str, *, event_id: str | None = None, **intent: Any) -> dict[str, Any]:
    """An event of Stripe's about a payment; `intent` changes what it says of it."""
    paid = kind == "payment_intent.succeeded"
    return {
        "id": event_id or f"evt_{new_id().hex}",
        "object": "event",
        "api_version": "2026-01-28.clover",
        "created": int(time.time()),
        "livemode": False,
        "pending_webhooks": 1,
        "type": kind,
        "data": {
            "object": {
                "id": asked.intent_id,
                "object": "payment_intent",
                "amount": asked.channel_minor,
                "amount_received": asked.channel_minor if paid else 0,
                "currency": "cny",
                "livemode": False,
                "metadata": {"payment_id": str(asked.payment_id)},
                "status": kind.partition(".")[2],
                **intent,
            }
        },
    }


class Channel:
    """Says things to the application's webhook, signed with the genuine secret."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def say(self, what: object) -> int:
        """Send something as JSON with a genuine signature; returns the status code."""
        body = orjson.dumps(what)
        return await self.send(body, signed(body))

    async def send(self, body: bytes, signature: str | bytes | None) -> int:
        """Send bytes with a signature header, or without any; returns the status code."""
        headers = {b"content-type": b"application/json"}
        if signature is not None:
            given = signature.encode() if isinstance(signature, str) else signature
            headers[b"stripe-signature"] = given
        answer = await self._http.post(WEBHOOK, content=body, headers=headers)
        return answer.status_code


async def asked_for(
    world: World, *, customer_id: UUID | None = None, wallet_minor: int = 0
) -> Asked:
    """An order of one key of the world's goods, whose channel has been asked."""
    shop = await _shop(world)
    made = await paying.quick_buy(
        shop=shop,
        buyer=Buyer(customer_id),
        wish=Wish(world.goods.sku_id, 1),
        expected_total_minor=TOTAL_MINOR,
        contact=None,
        affiliate_code=None,
        method=None,
        idempotency_key=new_id().hex,
    )
    asked = Asked(made.order_id, new_id(), f"pi_{made.order_id.hex}", TOTAL_MINOR - wallet_minor)
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        await payments.open_payment(
            payments.draft(
                payment_id=asked.payment_id,
                tenant_id=shop.id,
                purpose="ORDER",
                order_id=asked.order_id,
                customer_id=customer_id,
                method="CARD",
                currency="CNY",
                channel_minor=asked.channel_minor,
                wallet_minor=wallet_minor,
            )
        )
        await payments.asked(asked.payment_id, provider_ref=asked.intent_id)
    return asked


async def _shop(world: World) -> Shop:
    shop = await shop_by_id(world.shop.id)
    assert shop is not None
    return shop


async def everything_written(owner: asyncpg.Connection) -> str:
    """A checksum of every row of every table."""
    tables = await owner.fetch(
        """select format('%I', relname) as name from pg_class
           where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1"""
    )
    sums = [
        await owner.fetchval(f"select md5(string_agg(t::text, '|' order by t::text)) from {name} t")
        for (name,) in tables
    ]
    return hashlib.sha256(repr(sums).encode()).hexdigest()
