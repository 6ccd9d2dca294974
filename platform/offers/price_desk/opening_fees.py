"""The opening fee (开通费) of a grade: what a child pays, once, to be given it.

The fee is the platform's income and nobody earns a commission of it (domain 2, "Guard on depth").
It is taken from the child's trade balance in the transaction that gives the grade, under a key that
the ledger takes once for a child and a grade: who is given the same grade again pays nothing more.
"""

from dataclasses import dataclass
from uuid import UUID

from billing import accounts, ledger, trade_moves
from billing.ledger import InsufficientBalance, credit, debit
from kernel import db
from kernel.errors import Invalid, Refusal
from kernel.ids import new_id

_IS_PAID = "select exists (select from ledger_transactions where idempotency_key = $1)"


class FeeNotAccepted(Refusal):
    """The grade costs more to be opened with than was accepted; `details` has the `fee`."""

    code = "PRICE_CHANGED"


@dataclass(frozen=True, slots=True)
class OpeningFee:
    """What a child would pay for a grade, in minor units of the parent's currency."""

    child_id: UUID
    grade_id: UUID
    amount_minor: int
    currency: str

    @property
    def idempotency_key(self) -> str:
        """Under which the ledger takes it."""
        return f"open-fee:{self.child_id}:{self.grade_id}"


async def charge(fee: OpeningFee, *, child_currency: str, accepted_minor: int) -> None:
    """Take a fee that is not paid yet, inside a transaction that has locked the child's row.

    Raises `FeeNotAccepted`, `InsufficientBalance` (which does not say what there is: it is the
    child's, and the parent asks), and `Invalid` for a child that trades in another currency.
    """
    if not fee.amount_minor or await db.fetch_value(_IS_PAID, fee.idempotency_key):
        return
    if fee.amount_minor > accepted_minor:
        raise FeeNotAccepted(
            "To be opened with this grade costs the child a fee.",
            field="expectedFee",
            details={"fee": fee.amount_minor, "currency": fee.currency},
        )
    if child_currency != fee.currency:
        raise Invalid(f"This shop sells in {child_currency}.", field="child")
    await _take(fee)


async def _take(fee: OpeningFee) -> None:
    balance, posting_id = accounts.trade(fee.child_id, fee.currency), new_id()
    [held_minor] = await trade_moves.lock([balance])
    if held_minor < fee.amount_minor:
        raise InsufficientBalance(
            "The child's trade balance does not cover the opening fee.", field="child"
        )
    moved = trade_moves.move(
        posting_id=posting_id, account=balance, kind="OPEN_FEE", amount_minor=-fee.amount_minor
    )
    await trade_moves.note(moved, account=balance)
    await ledger.post(
        [
            debit(balance, fee.amount_minor),
            credit(accounts.revenue("OPEN_FEE", fee.currency), fee.amount_minor),
        ],
        kind="OPEN_FEE",
        idempotency_key=fee.idempotency_key,
        tenant_id=fee.child_id,
        posting_id=posting_id,
    )
