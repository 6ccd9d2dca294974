"""Deposits in tests: put down as an operator credits them, and policies as one sets them."""

from typing import Any
from uuid import UUID

from billing.deposits.arithmetic import DepositTerms
from billing.deposits.parties import DepositParty, PartyKind
from billing.deposits.policies import set_policy
from kernel import crypto
from orders import deposit_funding
from orders.deposits import measuring, whose

OPERATOR = "operator:test"


async def put_down(
    kind: PartyKind, party_id: UUID, amount_minor: int, *, reference: str | None = None
) -> DepositParty:
    """A bank transfer has come for a deposit, and an operator has seen it."""
    party = await whose.party_by_id(kind, party_id)
    await deposit_funding.credit_bank_transfer(
        party,
        actor=OPERATOR,
        amount_minor=amount_minor,
        bank_reference=reference or crypto.new_token("bank"),
        idempotency_key=crypto.new_token("key"),
    )
    return party


async def ask_for(party: DepositParty, **terms: Any) -> None:
    """An operator asks a party for so much, and the worker looks."""
    wanted = DepositTerms(**{"most_minor": 10_000_000, **terms})
    await set_policy(wanted, kind=party.kind, currency=party.currency, party=party, actor=OPERATOR)
    await measuring.measure_deposits()
