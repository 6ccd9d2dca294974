"""Finding whose deposit it is, in a core transaction."""

from uuid import UUID

from billing.deposits.holds import no_such_hold
from billing.deposits.parties import DepositParty, PartyKind
from billing.payments import Payment
from kernel import db
from kernel.errors import Invalid, NotFound
from tenants.directory import Shop

# A supplier's deposit is in the platform's own currency.
_FIND: dict[PartyKind, str] = {
    "SUPPLIER": """select root.id as tenant_id, root.currency from suppliers, tenants root
                   where suppliers.id = $1 and root.parent_id is null""",
    "TENANT": "select id as tenant_id, currency from tenants where id = $1 and kind = 'AGENT'",
}


async def party_by_id(kind: PartyKind, party_id: UUID) -> DepositParty:
    """Any party, for operators. Raises `NotFound`."""
    rows = await db.read(db.core_scope(), _FIND[kind], party_id)
    if not rows:
        raise no_such_party()
    return DepositParty(kind, party_id, **rows[0])


async def supplier_inside(supplier_id: UUID) -> DepositParty:
    """A supplier that is there, in the open transaction."""
    row = await db.fetch_row(_FIND["SUPPLIER"], supplier_id)
    assert row is not None
    return DepositParty("SUPPLIER", supplier_id, **row)


def party_of_shop(shop: Shop) -> DepositParty:
    """The shop itself. Raises `Invalid` for the platform's own."""
    if len(shop.path) == 1:
        raise Invalid("The platform's own shop puts nothing down.")
    return DepositParty("TENANT", shop.id, shop.id, shop.currency)


def party_of_supplier(supplier_id: UUID, *, root: Shop) -> DepositParty:
    """A supplier, who speaks at the platform's own shop."""
    return DepositParty("SUPPLIER", supplier_id, root.id, root.currency)


async def party_of_payment(payment: Payment) -> DepositParty:
    """Who is topped up by a payment, in the transaction of its tenant."""
    row = await db.fetch_row(
        "select party_kind, party_id from deposit_top_ups where payment_id = $1", payment.id
    )
    assert row is not None, f"payment {payment.id} tops nobody's deposit up"
    return DepositParty(row["party_kind"], row["party_id"], payment.tenant_id, payment.currency)


async def party_of_hold(hold_id: UUID) -> DepositParty:
    """Whose deposit a hold is of, for operators. Raises `NotFound`."""
    rows = await db.read(
        db.every_tenant(reason="an operator decides about a hold of anybody's deposit"),
        "select party_kind, party_id, tenant_id, currency from deposit_holds where id = $1",
        hold_id,
    )
    if not rows:
        raise no_such_hold()
    return DepositParty(*rows[0])


def no_such_party() -> NotFound:
    """The refusal for a party that is nobody, or somebody else."""
    return NotFound("There is no such party.", field="partyId")
