"""Accounts at the channel that parties are paid at: made, onboarded, and looked at.

Whether an account can be paid to is what the channel says when it is asked. A webhook only says
that it is time to ask.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from billing.payment_methods import stripe_connect
from billing.payment_methods.base import ChannelRefused, ChannelUnavailable
from billing.payment_methods.stripe_connect import ConnectedAccount
from billing.payouts.parties import Party
from billing.payouts.states import MethodKind
from kernel import db
from kernel.errors import NotFound, Refusal
from kernel.faults import crash_point
from kernel.log import get_logger

log = get_logger(__name__)

# Seconds to the next look after the n-th: soon while somebody is being onboarded, then daily.
LOOK_AFTER_SECONDS: Final = (60, 300, 3_600, 21_600, 86_400)


class ChannelSilent(Refusal):
    """The channel does not answer, or refuses; the place to be paid at is kept, and tried again."""

    code = "CHANNEL_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class _Due:
    id: UUID
    account_ref: str | None


async def onboarding_link(party: Party, *, return_url: str) -> str:
    """A page of the channel's on which the party says who it is; a new one each time.

    Raises `NotFound` where the party is not paid at an account of the channel's, `ChannelSilent`.
    """
    rows = await db.read(
        db.core_scope(party.tenant_id),
        """select id, account_ref from payout_methods
           where party_id = $1 and kind = $2 and ended_at is null""",
        party.id,
        MethodKind.STRIPE_ACCOUNT,
    )
    if not rows:
        raise NotFound("There is no account of the channel's to be paid at.", field="methodId")
    try:
        account_ref = await _known(_Due(**rows[0]))
        return await stripe_connect.onboarding_link(
            account_ref, return_url=return_url, refresh_url=return_url
        )
    except (ChannelUnavailable, ChannelRefused) as silent:
        log.warning("onboarding_without_link", reason=str(silent))
        raise ChannelSilent("The payment channel does not answer: try again later.") from None


async def look_at_accounts(limit: int) -> int:
    """Ask the channel about up to `limit` accounts whose time has come; says how many were due."""
    async with db.transaction(db.every_tenant(reason="accounts of all parties are looked at")):
        rows = await db.fetch(_CLAIM, limit, [float(one) for one in LOOK_AFTER_SECONDS])
    for row in rows:
        try:
            await _look(_Due(**row))
        except (ChannelUnavailable, ChannelRefused) as silent:
            log.warning("account_not_seen", method=str(row["id"]), reason=str(silent))
        except Exception as error:  # one bad row must not stop the others
            log.error("account_not_looked_at", method=str(row["id"]), exc_info=error)
    return len(rows)


_CLAIM: Final = """
with due as (
    select id from payout_methods where next_look_at <= platform_now()
    order by next_look_at limit $1 for update skip locked
)
update payout_methods method
set looks = looks + 1,
    next_look_at = platform_now() + make_interval(
        secs => ($2::float8[])[least(looks + 1, array_length($2, 1))])
from due where method.id = due.id
returning method.id, method.account_ref
"""


async def _look(due: _Due) -> None:
    account_ref = await _known(due)
    await _note(due.id, await stripe_connect.look_at_account(account_ref))


async def _known(due: _Due) -> str:
    """The channel's name of the account, which is made if it has none."""
    if due.account_ref is not None:
        return due.account_ref
    made = await stripe_connect.open_account(due.id)
    crash_point("payout_account.made")
    await _note(due.id, made)
    return made.ref


async def _note(method_id: UUID, account: ConnectedAccount) -> None:
    async with db.transaction(db.every_tenant(reason="accounts of all parties are looked at")):
        await db.execute(
            """update payout_methods set account_ref = coalesce(account_ref, $2), ready = $3,
                      requirements = $4
               where id = $1""",
            method_id,
            account.ref,
            account.ready,
            list(account.requirements),
        )
