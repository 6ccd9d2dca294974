"""Who is paid: a supplier, a tenant or an affiliate."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import NotFound


class PaidPartyKind(StrEnum):
    """Whose money goes out; the platform's own does not."""

    TENANT = "TENANT"
    SUPPLIER = "SUPPLIER"
    AFFILIATE = "AFFILIATE"


#: The kinds of their outside ids.
PARTY_IDS: Final = {
    PaidPartyKind.TENANT: "ten",
    PaidPartyKind.SUPPLIER: "sup",
    PaidPartyKind.AFFILIATE: "aff",
}


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody with earnings in a currency. A supplier's tenant is the platform's own."""

    kind: PaidPartyKind
    id: UUID
    tenant_id: UUID
    currency: str

    @property
    def scope(self) -> db.Scope:
        """In which its payouts are read: row-level security shows its own alone."""
        return db.shop_scope(self.tenant_id, party_id=self.id)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something about a payout: the words for the record, and the person."""

    name: str
    id: UUID


WORKER: Final = "worker"


_FIND: Final = """
select id, id as tenant_id, currency from tenants where $1 = 'TENANT' and id = $2
union all
select supplier.id, root.id, root.currency from suppliers supplier, tenants root
where $1 = 'SUPPLIER' and supplier.id = $2 and root.parent_id is null
union all
select affiliate.id, shop.id, shop.currency
from affiliates affiliate join tenants shop on shop.id = affiliate.tenant_id
where $1 = 'AFFILIATE' and affiliate.id = $2
"""


async def find_party(kind: PaidPartyKind, party_id: UUID) -> Party:
    """A party by its id, for operators; `NotFound` for nobody's."""
    scope = db.every_tenant(reason="operators look after all payouts")
    rows = await db.read(scope, _FIND, kind.value, party_id)
    if not rows:
        raise NotFound("There is no such party.", field="partyId")
    return Party(kind, *rows[0])
