"""What is said to a channel after a commit, where a lost word does no harm."""

from collections.abc import Iterable

from billing.payment_methods import METHODS
from billing.payment_methods.base import ChannelUnavailable
from billing.payments import Payment
from kernel.log import get_logger

log = get_logger(__name__)


async def cancel_all(ended: Iterable[Payment]) -> None:
    """Tell the channels that these payments are no longer wanted.

    Their money may come all the same: then it is refunded by itself.
    """
    for payment in ended:
        if payment.provider_ref is None or payment.method not in METHODS:
            continue
        try:
            await METHODS[payment.method].cancel(payment.provider_ref)
        except ChannelUnavailable:
            log.warning("channel_cancel_failed", payment=str(payment.id))
