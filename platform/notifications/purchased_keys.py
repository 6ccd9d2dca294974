"""Keys that a shop has bought at cost, in a message to its own program: where it chose so.

A message that carries a key is a reveal like any other: who, when and for whom is written first,
each time that it is sent. What was opened so cannot be given back.
"""

from typing import Any

from kernel.errors import Refusal
from kernel.ids import public_id
from notifications.claiming import Claimed
from orders.records import Viewer
from orders.reveal import RevealedKey, Witness, reveal_keys
from tenants.directory import shop_by_id


async def opened_for(claimed: Claimed, *, order_no: str) -> list[dict[str, Any]]:
    """Open the keys of a purchase for the endpoint of a message.

    None for an order of the shop's buyers, whose keys are theirs alone, and for one of which
    nothing is in hand any more.
    """
    shop = await shop_by_id(claimed.tenant_id)
    assert shop is not None  # a tenant is never deleted
    try:
        _, keys = await reveal_keys(
            shop=shop,
            viewer=Viewer(purchases=True),
            order_no=order_no,
            delivered_key_ids=None,
            witness=Witness(f"webhook:{claimed.endpoint_id}", None, "webhook"),
            channel="WEBHOOK",
        )
    except Refusal:
        return []
    return [_key(one) for one in keys]


def _key(key: RevealedKey) -> dict[str, Any]:
    return {
        "id": public_id("dky", key.id),
        "lineId": public_id("lin", key.line_id),
        "serial": key.serial,
        "secret": key.secret,
        "salt": key.salt_hex,
        "commitment": key.commitment_hex,
        "expiresAt": key.expires_at,
    }
