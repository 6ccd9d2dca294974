"""A bank transfer: the buyer is told the platform's account and a reference, and transfers.

There is no channel to ask. The money is heard of by the lines of the bank's statement
(`billing/bank/`); what goes back waits for whoever sends transfers.
"""

from uuid import UUID

from billing.accounts import BANK
from billing.bank import refunds
from billing.bank.own_accounts import own_account
from billing.bank.references import reference_of
from billing.payment_methods.base import (
    Ask,
    ChannelRefused,
    ChannelReport,
    ChannelUnavailable,
    Mode,
    Started,
    Transfer,
)


class BankTransfer:
    """银行转账."""

    code = "BANK_TRANSFER"
    provider = BANK
    fee_bp = 0
    label_zh = "银行转账"
    label_en = "Bank transfer"
    modes: tuple[Mode, ...] = ("ELEMENTS",)
    countries: tuple[str, ...] = ()
    is_on = True
    tops_up = True

    def takes(self, currency: str, amount_minor: int | None = None) -> bool:
        """Whether the platform has an account in the currency."""
        return own_account(currency) is not None

    def takes_all_of(self, currency: str) -> bool:
        """No: a shop's order by transfer waits in a way of its own."""
        return False

    def step_minor(self, currency: str) -> int:
        """Banks take any amount."""
        return 1

    async def start(self, ask: Ask) -> Started:
        """Say where to transfer to, and with which reference."""
        reference = reference_of(ask.payment_id)
        transfer = what_to_transfer(reference, amount_minor=ask.amount_minor, currency=ask.currency)
        if transfer is None:
            raise ChannelRefused("no account in this currency")
        return Started(reference, None, transfer=transfer)

    async def resume(self, ask: Ask, provider_ref: str) -> Started:
        """The same again: the reference follows from the payment."""
        return await self.start(ask)

    async def look(self, provider_ref: str) -> ChannelReport:
        """Nothing is known before the bank's statement says it."""
        raise ChannelUnavailable("the bank's statement tells")

    async def cancel(self, provider_ref: str) -> None:
        """Nobody is told: what comes all the same waits at the operators' desk."""

    async def refund(
        self, *, refund_id: UUID, provider_ref: str, amount_minor: int, asks: int = 0
    ) -> tuple[str, bool]:
        """Write down what is to be transferred back; done when an operator says so."""
        await refunds.owe_for_payment(
            refund_id=refund_id, reference=provider_ref, amount_minor=amount_minor
        )
        return f"bank:{refund_id}", False

    async def find_refund(self, *, refund_id: UUID, provider_ref: str) -> tuple[str, bool] | None:
        """Whoever writes it down a second time changes nothing, so nobody has to look."""
        return None

    async def look_refund(self, refund_ref: str) -> bool | None:
        """Open until the operator's own decision has ended it."""
        return None


def what_to_transfer(reference: str, *, amount_minor: int, currency: str) -> Transfer | None:
    """Where so much is transferred to, and with which words; None without an account for it."""
    account = own_account(currency)
    if account is None:
        return None
    return Transfer(
        holder=account.holder,
        bank=account.bank,
        number=account.number,
        reference=reference,
        amount_minor=amount_minor,
        currency=currency,
    )
