"""What a buyer fills into a bank transfer."""

import strawberry

from billing.payment_methods.base import Transfer
from kernel.clear_codes import in_groups
from schema.money import Money, amount


@strawberry.type
class BankTransferDetails:
    """What to fill into a transfer. By the reference, the amount and the currency the money is
    found."""

    holder: str
    bank: str
    number: str
    reference: str
    amount: Money


def transfer_type(transfer: Transfer | None) -> BankTransferDetails | None:
    """Put a transfer into the schema's words; the reference in groups, as people copy it."""
    if transfer is None:
        return None
    return BankTransferDetails(
        holder=transfer.holder,
        bank=transfer.bank,
        number=transfer.number,
        reference=in_groups(transfer.reference),
        amount=amount(transfer.amount_minor, transfer.currency),
    )
