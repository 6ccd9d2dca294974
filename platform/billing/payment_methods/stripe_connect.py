"""Stripe Connect: accounts of others that the platform pays to, and the transfers to them.

What Stripe is asked stands here, how it is asked in `stripe_api.py`. An account is onboarded on
Stripe's own pages: what its holder says there, we never see.
"""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from billing.payment_methods import stripe_answers, stripe_api

_ACCOUNTS: Final = "/v1/accounts"
_LINKS: Final = "/v1/account_links"
_TRANSFERS: Final = "/v1/transfers"
MOST_REQUIREMENTS: Final = 50


@dataclass(frozen=True, slots=True)
class ConnectedAccount:
    """An account at the channel: whether it can be paid to, and what its holder has yet to say."""

    ref: str
    ready: bool
    requirements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money that went to a connected account, and how much of it came back, in minor units."""

    ref: str
    amount_minor: int
    reversed_minor: int

    @property
    def came_back(self) -> bool:
        """True where nothing of it is left there."""
        return self.reversed_minor >= self.amount_minor


async def open_account(method_id: UUID) -> ConnectedAccount:
    """Make an account; the payout method's id is the idempotency key, so a repeat finds it."""
    made = await stripe_api.ask(
        "post",
        _ACCOUNTS,
        idempotency_key=f"account:{method_id}",
        type="express",
        capabilities={"transfers": {"requested": True}},
        metadata={"method_id": str(method_id)},
    )
    return _account(made)


async def look_at_account(account_ref: str) -> ConnectedAccount:
    """The account as it stands."""
    return _account(await stripe_api.ask("get", _path(_ACCOUNTS, account_ref)))


async def onboarding_link(account_ref: str, *, return_url: str, refresh_url: str) -> str:
    """A page of the channel's where the account's holder says who they are; good for minutes."""
    made = await stripe_api.ask(
        "post",
        _LINKS,
        account=account_ref,
        type="account_onboarding",
        return_url=return_url,
        refresh_url=refresh_url,
    )
    with stripe_answers.reading():
        url: str = _text(made["url"])
    return url


async def transfer(
    *, sending: str, question: str, account_ref: str, amount_minor: int, currency: str
) -> Transfer:
    """Send money; `sending` names this one sending of a payout, `question` is the idempotency key.

    Raises `ChannelShort` where our balance is too small: a later question takes another key.
    """
    made = await stripe_api.ask_in_our_mode(
        "post",
        _TRANSFERS,
        idempotency_key=f"transfer:{question}",
        amount=amount_minor,
        currency=currency.lower(),
        destination=account_ref,
        transfer_group=sending,
        metadata={"payout": sending},
    )
    return _transfer(made)


async def find_transfer(sending: str) -> Transfer | None:
    """The transfer of a sending whose answer was lost; None where there is none.

    The channel forgets idempotency keys after a day: whoever tries again looks first.
    """
    page = await stripe_api.ask("get", _TRANSFERS, transfer_group=sending, limit=100)
    with stripe_answers.reading():
        made = list(page["data"])
    return _transfer(made[0]) if made else None


async def look_at_transfer(transfer_ref: str) -> Transfer:
    """The transfer as it stands."""
    return _transfer(await stripe_api.ask_in_our_mode("get", _path(_TRANSFERS, transfer_ref)))


def _path(place: str, ref: str) -> str:
    return f"{place}/{quote(ref, safe='')}"


def _account(made: dict[str, Any]) -> ConnectedAccount:
    with stripe_answers.reading():
        can_be_paid = made["payouts_enabled"] is True
        takes_transfers = (made["capabilities"] or {}).get("transfers") == "active"
        due = [_text(one)[:100] for one in made["requirements"]["currently_due"] or ()]
        return ConnectedAccount(
            _text(made["id"]), can_be_paid and takes_transfers, tuple(due[:MOST_REQUIREMENTS])
        )


def _transfer(made: dict[str, Any]) -> Transfer:
    with stripe_answers.reading():
        return Transfer(
            _text(made["id"]), _number(made["amount"]), _number(made["amount_reversed"])
        )


def _text(said: Any) -> str:
    if not isinstance(said, str) or not said:
        raise TypeError
    return said


def _number(said: Any) -> int:
    if type(said) is not int:
        raise TypeError
    return said
