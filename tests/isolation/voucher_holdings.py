"""The vouchers of a shop in the town: a batch for each role that may end one, and codes."""

from dataclasses import dataclass

from kernel.ids import public_id
from schema.field_table.vouchers import VOUCHER_ISSUERS
from tenants.directory import Shop
from voucher_desk import made


@dataclass(frozen=True)
class HeldVouchers:
    """Batches by role (the operators' is the platform's), and codes that nobody has redeemed."""

    batches: dict[str, str]
    codes: tuple[str, ...]

    def batch_for(self, role: str) -> str:
        """The batch that a role may end; whoever may not names the owner's."""
        return self.batches.get(role, self.batches["STAFF_OWNER"])


async def give_vouchers(shop: Shop, marker: str) -> HeldVouchers:
    """Make them; all is the platform's money but that of the shop's own batches."""
    batches = {}
    for role in sorted(VOUCHER_ISSUERS):
        funder = "PLATFORM" if role == "OPERATOR" else "SHOP"
        batch, _ = await made(shop, funder=funder, value_minor=100, name=f"{marker} gift")
        batches[role] = public_id("vob", batch.id)
    _, codes = await made(shop, value_minor=100, name=f"{marker} gift")
    return HeldVouchers(batches, codes)
