"""Why a code is not redeemed, in one word for programs and one sentence for people."""

from typing import Final

from kernel.errors import Refusal

_FIELD: Final = "code"


class VoucherRefused(Refusal):
    """The code is not redeemed; `details` says why in one word."""

    code = "VOUCHER_NOT_APPLICABLE"

    @property
    def reason(self) -> str:
        """The word."""
        return str(self.details["reason"])


def refusal_of(reason: str) -> VoucherRefused:
    """The refusal behind a word: USED, ENDED, NOT_STARTED, BLOCKED, LIMIT, OTHER_SHOP,
    OTHER_CURRENCY, or UNKNOWN."""
    details = {"reason": reason}
    if reason == "USED":
        return VoucherRefused("This voucher has been redeemed.", field=_FIELD, details=details)
    if reason == "ENDED":
        return VoucherRefused("This voucher has ended.", field=_FIELD, details=details)
    if reason == "NOT_STARTED":
        return VoucherRefused("This voucher cannot be redeemed yet.", field=_FIELD, details=details)
    if reason == "BLOCKED":
        return VoucherRefused(
            "This voucher is stopped: ask the shop.", field=_FIELD, details=details
        )
    if reason == "LIMIT":
        return VoucherRefused(
            "You have redeemed as many of these vouchers as you may.",
            field=_FIELD,
            details=details,
        )
    if reason == "OTHER_SHOP":
        return VoucherRefused("This voucher is for another shop.", field=_FIELD, details=details)
    if reason == "OTHER_CURRENCY":
        return VoucherRefused("This voucher is in another currency.", field=_FIELD, details=details)
    return VoucherRefused("There is no such voucher.", field=_FIELD, details=details)
