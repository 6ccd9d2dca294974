"""Whose statement it is: a shop, a supplier or an affiliate."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import NotFound
from orders.split import PartyKind

_REASON: Final = "find the party of a statement, whose shop is not known yet"
_BY_KIND: Final = {
    PartyKind.TENANT: "select id as tenant_id, name, currency from tenants where id = $1",
    PartyKind.SUPPLIER: """select root.id as tenant_id, supplier.name, root.currency
                           from suppliers supplier join tenants root on root.parent_id is null
                           where supplier.id = $1""",
    PartyKind.AFFILIATE: """select shop.id as tenant_id, affiliate.name, shop.currency
                            from affiliates affiliate join tenants shop
                                on shop.id = affiliate.tenant_id
                            where affiliate.id = $1""",
}


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody with accounts of its own; `tenant_id` is the shop at which it is at home, and
    `currency` that shop's."""

    kind: PartyKind
    id: UUID
    tenant_id: UUID
    name: str
    currency: str


async def party_of(kind: PartyKind, party_id: UUID) -> Party:
    """The party with this id; raises `NotFound`."""
    rows = await db.read(db.every_tenant(reason=_REASON), _BY_KIND[kind], party_id)
    if not rows:
        raise unknown_party()
    return Party(kind=kind, id=party_id, **rows[0])


def unknown_party() -> NotFound:
    """The refusal for a party that there is not, or that is somebody else."""
    return NotFound("There is no such party.", field="partyId")
