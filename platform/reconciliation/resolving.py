"""An item is decided once: by its suggested fix where that is safe, or by somebody, with a reason.

The item is its own idempotency key. What is posted has a key made of the item's id, in the
transaction that decides it; what a provider has to say goes through the one function that hears of
payments, which takes everything once.
"""

from collections.abc import Sequence
from typing import Final, Literal
from uuid import UUID

from billing import accounts, ledger
from billing.ledger import Entry, credit, debit
from billing.payment_methods import METHODS
from billing.payment_methods.base import ChannelRefused, ChannelUnavailable
from kernel import db
from kernel.errors import Invalid, Refusal
from kernel.faults import crash_point
from orders import settlement
from reconciliation import own_lines, runs
from reconciliation.items import Item, item_by_id
from reconciliation.turns import recount_gates

Decision = Literal["SUGGESTED_FIX", "BY_HAND", "ACCEPT"]
MAX_REASON_LETTERS: Final = 500
BANK_BOOK: Final = "BANK"


class ProviderDisagrees(Refusal):
    """The provider does not say (any more) what its statement says."""

    code = "VALIDATION"


async def resolve(item_id: UUID, *, decision: Decision, actor: str, reason: str) -> Item:
    """Decide an item; the same decision again is no other. Raises `Invalid`, `NotFound`,
    `ProviderDisagrees`, `NoSuchLine`."""
    reason = reason.strip()
    if len(reason) > MAX_REASON_LETTERS or not reason.isprintable():
        raise Invalid(f"A reason has at most {MAX_REASON_LETTERS} characters.", field="reason")
    if decision != "SUGGESTED_FIX" and not reason:
        raise Invalid("Whoever decides by hand says why.", field="reason")
    item = await item_by_id(item_id)
    if item.state != "OPEN":
        return _as_decided(item, decision)
    if decision == "SUGGESTED_FIX":
        await _fix(item, actor=actor)
    else:
        how = "BY_HAND" if decision == "BY_HAND" else None
        await _decide(item, how=how, actor=actor, reason=reason)
    return await item_by_id(item_id)


def _as_decided(item: Item, decision: Decision) -> Item:
    same = {
        "SUGGESTED_FIX": item.how == item.fix,
        "BY_HAND": item.how == "BY_HAND",
        "ACCEPT": item.state == "ACCEPTED",
    }
    if not same[decision]:
        raise Invalid("This item has been decided otherwise.", field="itemId")
    return item


async def _fix(item: Item, *, actor: str) -> None:
    if item.fix == "APPLY_EVENT":
        await _hear_of_it(item)
        crash_point("reconciliation.heard")
        await _decide(item, how="APPLY_EVENT", actor=actor)
    elif item.fix == "ADJUST_FEE":
        await _decide(item, how="ADJUST_FEE", actor=actor, entries=fee_adjustment(item))
    elif item.fix == "BOOK" and item.book == BANK_BOOK:
        await _take_line(item, actor=actor)
    elif item.fix == "BOOK":
        await _decide(item, how="BOOK", actor=actor, entries=booking(item))
    else:
        raise Invalid("Nobody but a person can put this right.", field="decision")


async def _hear_of_it(item: Item) -> None:
    """Ask the channel itself, and hear what it says as if it had told us."""
    async with db.transaction(runs.scope(), read_only=True):
        method: str | None = await db.fetch_value(
            """select method from payments
               where (provider = $1 and provider_ref = $2)
                  or (provider_ref is null and id = (
                      select own_id from settlement_movements
                      where book = $3 and side = 'THEIRS' and reference = $2 limit 1))""",
            item.book.lower(),
            item.reference,
            item.book,
        )
    if method is None or method not in METHODS:
        raise ProviderDisagrees("No payment of ours is called like this.", field="decision")
    try:
        report = await METHODS[method].look(item.reference)
    except (ChannelUnavailable, ChannelRefused) as silent:
        raise ProviderDisagrees("The provider gives no answer.", field="decision") from silent
    if report.state != "SUCCEEDED":
        raise ProviderDisagrees("The provider does not say that it was paid.", field="decision")
    await settlement.hear(report)


async def _take_line(item: Item, *, actor: str) -> None:
    """Take a line of the bank's for what the ledger has booked before."""
    async with db.transaction(runs.scope()):
        await _note(item, how="BOOK", actor=actor)
        await _post(item, "BOOK", await own_lines.take(item, actor=actor))
        await recount_gates()
    crash_point("reconciliation.decided")


async def _decide(
    item: Item,
    *,
    how: str | None,
    actor: str,
    reason: str = "",
    entries: Sequence[Entry] = (),
) -> None:
    """Decide an open item and post what puts it right, in one transaction."""
    async with db.transaction(runs.scope()):
        await _note(item, how=how, actor=actor, reason=reason)
        if entries:
            await _post(item, how, entries)
        await recount_gates()
    crash_point("reconciliation.decided")


async def _note(item: Item, *, how: str | None, actor: str, reason: str = "") -> None:
    """Write down that an open item is decided, as it was seen. Raises `Invalid`."""
    if not await db.execute(
        """update reconciliation_items
           set state = case when $2::text is null then 'ACCEPTED' else 'RESOLVED' end,
               how = $2, decided_by = $3, decided_at = platform_now(), reason = $4
           where id = $1 and state = 'OPEN' and difference_minor = $5""",
        item.id,
        how,
        actor,
        reason,
        item.difference_minor,
    ):
        raise Invalid("This item has been decided otherwise.", field="itemId")


async def _post(item: Item, how: str | None, entries: Sequence[Entry]) -> None:
    await ledger.post(
        entries,
        kind=f"RECONCILED_{how}",
        idempotency_key=f"reconciled:{item.id}",
        tenant_id=None,
    )


def fee_adjustment(item: Item) -> list[Entry]:
    """The channel has kept another fee than was booked: the platform bears the difference."""
    return _fee(item, item.their_fee_minor - item.our_fee_minor)


def booking(item: Item) -> list[Entry]:
    """What a provider does by itself: it pays to the platform's bank, or charges for itself."""
    if item.category == "FEE":
        return _fee(item, item.their_fee_minor - item.their_minor)
    gateway = accounts.gateway(item.book, item.currency)
    bank = accounts.bank(item.currency)
    return [Entry(gateway, item.their_minor), Entry(bank, -item.their_minor)]


def _fee(item: Item, more_minor: int) -> list[Entry]:
    gateway = accounts.gateway(item.book, item.currency)
    expense = accounts.expense("GATEWAY_FEE", item.currency)
    if more_minor < 0:
        return [debit(gateway, -more_minor), credit(expense, -more_minor)]
    return [debit(expense, more_minor), credit(gateway, more_minor)]
