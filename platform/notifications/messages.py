"""What a message says: version 1 of our JSON, made when it is sent, from the tenant's own view.

Ids, statuses and amounts in minor units; never a key, a buyer's contact, a supplier, or what
somebody else pays or earns. Three exceptions go to an owner's webhook alone: a link for a new
password, with the account that it goes to, a code that confirms, and keys that the shop itself has
bought. `eventId` is
the same however often a message is sent; `sequence` grows with each event of an object, so that a
receiver can tell the older from the newer.
"""

from typing import Any, Final
from uuid import UUID

import orjson

from billing.payouts.parties import PARTY_IDS
from identity.password_resets import reset_message
from identity.step_up import code_message
from kernel.ids import public_id
from kernel.outbox import EventType
from notifications import purchased_keys
from notifications.claiming import Claimed
from orders import told_orders

VERSION: Final = "v1"


async def body_of(claimed: Claimed) -> bytes:
    """The message's body."""
    message = {
        "version": VERSION,
        "type": claimed.event_type,
        "timestamp": claimed.occurred_at,
        "eventId": event_id(claimed.event_id),
        "sequence": claimed.sequence,
        "tenantId": public_id("ten", claimed.tenant_id),
        "data": await _data(claimed),
    }
    return orjson.dumps(message, option=orjson.OPT_UTC_Z)


def event_id(identifier: UUID) -> str:
    """How a receiver knows an event."""
    return public_id("evt", identifier)


async def _data(claimed: Claimed) -> dict[str, Any]:
    facts: dict[str, Any] = orjson.loads(claimed.details)
    if claimed.object_kind == "order":
        return {"order": await _order(claimed, facts)}
    if claimed.object_kind == "tenant":
        return {"tenantId": public_id("ten", claimed.object_id), **facts}
    if claimed.object_kind == "price":
        return {"alert": _alert(claimed.object_id, facts)}
    if claimed.object_kind == "password":
        return await _password_reset(claimed.object_id, facts)
    if claimed.object_kind == "step_up":
        return await code_message(facts, claimed.object_id)
    if claimed.object_kind == "payout":
        return _payout(claimed, facts)
    return facts


def _payout(claimed: Claimed, facts: dict[str, Any]) -> dict[str, Any]:
    """A payout, or the place that a party is paid at, and whose it is."""
    kind = "pyt" if claimed.event_type == EventType.PAYOUT_CHANGED else "pym"
    party = {"partyId": public_id(PARTY_IDS[facts["partyKind"]], UUID(facts["partyId"]))}
    return {"id": public_id(kind, claimed.object_id), **facts, **party}


def _alert(alert_id: UUID, facts: dict[str, Any]) -> dict[str, Any]:
    """A price of the tenant's own making that is hidden, or is no more; no amount."""
    child = facts["childId"]
    return {
        "id": public_id("alr", alert_id),
        "open": facts["open"],
        "guard": facts["guard"],
        "skuId": public_id("sku", UUID(facts["skuId"])),
        "childId": None if child is None else public_id("ten", UUID(child)),
    }


async def _password_reset(reset_id: UUID, facts: dict[str, Any]) -> dict[str, Any]:
    """A link for a new password, and where it goes; none once it is good no more."""
    message = await reset_message(facts, reset_id)
    if message is None:
        return facts
    return facts | {
        "login": message.login,
        "account": {"kind": message.account_kind, "value": message.account},
        "link": message.link,
        "expiresAt": message.expires_at,
    }


async def _order(claimed: Claimed, facts: dict[str, Any]) -> dict[str, Any]:
    child = facts.get("childId")
    if child is None:
        own = await told_orders.own_order(claimed.tenant_id, claimed.object_id)
        return await _with_keys(claimed, own) or {"id": public_id("ord", claimed.object_id)}
    # Of an order further down the tree: whose branch it was, and what there is in it for us.
    return {
        "id": public_id("ord", claimed.object_id),
        "status": facts["status"],
        "currency": facts["currency"],
        "childId": public_id("ten", UUID(child)),
        "ownShareMinor": await told_orders.own_share_minor(claimed.tenant_id, claimed.object_id),
    }


async def _with_keys(claimed: Claimed, order: dict[str, Any] | None) -> dict[str, Any] | None:
    """The order with its keys, where the shop has bought it and wants them sent."""
    if order is None or not claimed.carries_keys:
        return order
    keys = await purchased_keys.opened_for(claimed, order_no=order["no"])
    if not keys:
        return order
    opened = await told_orders.own_order(claimed.tenant_id, claimed.object_id)
    return {**(opened or order), "keys": keys}
