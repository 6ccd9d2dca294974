"""Where a party is paid: set with a proof, never changed, and new ones wait.

Another place is another row, so that a payout goes where it was asked to go, or nowhere: what was
asked for the old place ends with it (docs/decisions/0067).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from billing.payouts.bank_numbers import BankAccount
from billing.payouts.parties import Actor, PaidPartyKind, Party
from billing.payouts.states import RESERVED, MethodKind
from billing.payouts.terms import payout_terms
from identity.contact import seal_field
from identity.step_up import Holder, Purpose, use_proof
from kernel import crypto, db
from kernel.errors import NotFound, Refusal
from kernel.ids import new_id
from kernel.outbox import EventType, tell
from tenants.queries import root_id

HOLDER: Final = "payout_methods.holder"
NUMBER: Final = "payout_methods.number"
MOST_SHOWN: Final = 20


class PayoutsOpen(Refusal):
    """The party has payouts on their way to the place that it has now."""

    code = "PAYOUTS_OPEN"


@dataclass(frozen=True, slots=True)
class PayoutMethod:
    """A place to be paid at, without what is secret about it."""

    id: UUID
    party_kind: PaidPartyKind
    party_id: UUID
    kind: MethodKind
    currency: str
    bank: str | None
    last_four: str | None
    ready: bool
    requirements: tuple[str, ...]
    created_at: datetime
    usable_at: datetime
    ended_at: datetime | None


_COLUMNS: Final = """id, party_kind, party_id, kind, currency, bank, last_four, ready, requirements,
       created_at, usable_at, ended_at"""


async def set_method(
    party: Party, *, account: BankAccount | None, actor: Actor, holder: Holder, proof: str
) -> PayoutMethod:
    """Let a party be paid at a bank account, or without one at an account of the channel's.

    It takes the place of the one before, and waits a day before anything is paid to it. The party
    is told, and so is the platform's mailer, which knows how to reach it as before. Raises
    `StepUpRequired`, and `PayoutsOpen` while payouts wait to go to the one before.
    """
    method_id = new_id()
    async with db.transaction(db.core_scope(party.tenant_id)):
        await use_proof(holder, Purpose.PAYOUT_METHOD, proof)
        await _end_the_one_before(party)
        row = await db.fetch_row(_INSERT, *_values(party, method_id, account, actor))
        assert row is not None
        method = _method(row)
        for tenant_id in {party.tenant_id, await root_id()}:
            await tell(
                EventType.PAYOUT_METHOD_CHANGED,
                tenant_id=tenant_id,
                object_id=method_id,
                facts={
                    "partyKind": party.kind,
                    "partyId": str(party.id),
                    "method": method.kind,
                    "lastFour": method.last_four,
                    "usableAt": method.usable_at.isoformat(),
                },
            )
    return method


async def methods_of(party: Party) -> list[PayoutMethod]:
    """A party's places to be paid at, the one that it has now first."""
    rows = await db.read(
        party.scope,
        f"""select {_COLUMNS} from payout_methods where party_id = $1
            order by ended_at desc nulls first, created_at desc limit {MOST_SHOWN}""",
        party.id,
    )
    return [_method(row) for row in rows]


async def live_method(party: Party) -> PayoutMethod:
    """Where the party is paid now, locked against another one, in the open core transaction.

    Raises `NotFound` where it has said nothing.
    """
    row = await db.fetch_row(
        f"""select {_COLUMNS} from payout_methods
            where party_id = $1 and ended_at is null for share""",
        party.id,
    )
    if row is None:
        raise NotFound("Say first where you are paid.", field="methodId")
    return _method(row)


# Of the same place both a payout that is asked for and a change of place hold the row's lock: one
# of the two sees the other.
_END: Final = """
with old as (
    select id from payout_methods where party_id = $1 and ended_at is null for update
)
update payout_methods set ended_at = platform_now(), next_look_at = null
from old where payout_methods.id = old.id
returning payout_methods.id
"""
_INSERT: Final = f"""
insert into payout_methods (tenant_id, id, party_kind, party_id, kind, currency, holder, number,
                            bank, data_key_id, holder_index, last_four, ready, next_look_at,
                            created_by, usable_at)
values ($1, $2, $3, $4, $5::text, $6, $7, $8, $9, $10, $11, $12, $5::text = 'BANK_ACCOUNT',
        case when $5::text = 'STRIPE_ACCOUNT' then platform_now() end, $13,
        platform_now() + $14::interval)
returning {_COLUMNS}
"""


async def _end_the_one_before(party: Party) -> None:
    # Two who set a first place at once: the index of live ones lets one of them through.
    await db.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"paid:{party.id}")
    ended_id = await db.fetch_value(_END, party.id)
    if ended_id is not None and await db.fetch_value(
        "select exists (select from payouts where method_id = $1 and state = any ($2::text[]))",
        ended_id,
        list(RESERVED),
    ):
        raise PayoutsOpen(
            "Payouts wait to go to the place that you have now: cancel them first.", field="kind"
        )


def _values(
    party: Party, method_id: UUID, account: BankAccount | None, actor: Actor
) -> tuple[Any, ...]:
    kind = MethodKind.STRIPE_ACCOUNT if account is None else MethodKind.BANK_ACCOUNT
    return (
        party.tenant_id,
        method_id,
        party.kind,
        party.id,
        kind,
        party.currency,
        *_sealed(method_id, account),
        actor.name,
        payout_terms().method_wait,
    )


def _sealed(method_id: UUID, account: BankAccount | None) -> tuple[Any, ...]:
    """Holder, number, bank, key, index and last four, as they are stored."""
    if account is None:
        return (None,) * 6
    holder = seal_field(account.holder, row_id=method_id, column=HOLDER)
    number = seal_field(account.number, row_id=method_id, column=NUMBER)
    assert holder.key_id == number.key_id, "two fields of one row have one key"
    return (
        holder.ciphertext,
        number.ciphertext,
        account.bank,
        holder.key_id,
        crypto.blind_index("payout-holder", account.holder),
        account.number[-4:],
    )


def _method(row: Any) -> PayoutMethod:
    values = dict(row)
    return PayoutMethod(
        **values
        | {
            "party_kind": PaidPartyKind(values["party_kind"]),
            "kind": MethodKind(values["kind"]),
            "requirements": tuple(values["requirements"]),
        }
    )
