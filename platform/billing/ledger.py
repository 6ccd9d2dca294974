"""Double entry: money moves between accounts and is never made or lost.

An entry is a signed amount in minor units: a debit is positive, a credit negative, and a
transaction adds up to zero in each currency (the database checks it at commit). Balances are
sums of entries, folded now and then; no sale updates a row that another sale needs. Credits are
appended without a lock, only a debit that may overdraw locks its account (`lock_balance`).
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from kernel import db
from kernel.errors import Refusal
from kernel.ids import new_id


class InsufficientBalance(Refusal):
    """The account does not hold as much; nothing has moved."""

    code = "INSUFFICIENT_BALANCE"


@dataclass(frozen=True, slots=True)
class Account:
    """An account by its code (domain 3), its owner where it has one, and its currency."""

    code: str
    currency: str
    owner_id: UUID | None = None

    @property
    def id(self) -> UUID:
        """The same three make the same id on every machine, so nothing is looked up."""
        return _account_id(self.code, self.currency, self.owner_id)


@lru_cache(maxsize=50_000)
def _account_id(code: str, currency: str, owner_id: UUID | None) -> UUID:
    name = f"{code}|{currency}|{owner_id or ''}"
    return UUID(bytes=hashlib.sha256(name.encode()).digest()[:16])


@dataclass(frozen=True, slots=True)
class Entry:
    """One leg: a debit (positive) or a credit (negative) of one account, in minor units."""

    account: Account
    amount_minor: int


def debit(account: Account, amount_minor: int) -> Entry:
    """The leg that takes value from a liability or adds to an asset."""
    return Entry(account, amount_minor)


def credit(account: Account, amount_minor: int) -> Entry:
    """The leg that adds to a liability or a revenue, or takes from an asset."""
    return Entry(account, -amount_minor)


def merged(entries: Iterable[Entry]) -> list[Entry]:
    """The same movement with one leg an account and none of zero."""
    sums: dict[Account, int] = defaultdict(int)
    for entry in entries:
        sums[entry.account] += entry.amount_minor
    return [Entry(account, amount) for account, amount in sums.items() if amount]


# Accounts are made when first used. Everything is one round trip; the header and its entries
# share a database transaction, which the composite foreign key demands.
_POST = """
with accounts as (
    insert into ledger_accounts (id, code, owner_id, currency)
    select distinct on (id) * from unnest($6::uuid[], $7::text[], $8::uuid[], $9::text[])
        as wanted (id, code, owner_id, currency)
    where not exists (select 1 from ledger_accounts known where known.id = wanted.id)
    on conflict do nothing
), header as (
    insert into ledger_transactions (id, kind, idempotency_key, tenant_id, order_id)
    values ($1, $2, $3, $4, $5)
)
insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
select $1, id, amount_minor, currency
from unnest($6::uuid[], $10::bigint[], $9::text[]) as entry (id, amount_minor, currency)
"""


async def post(
    entries: Sequence[Entry],
    *,
    kind: str,
    idempotency_key: str,
    tenant_id: UUID | None,
    order_id: UUID | None = None,
) -> UUID:
    """Write one transaction; must run inside the caller's. The same idempotency key never twice.

    Raises `ValueError` when the entries do not add up to zero in each currency.
    """
    sums: dict[str, int] = defaultdict(int)
    for entry in entries:
        sums[entry.account.currency] += entry.amount_minor
    if not entries or any(sums.values()):
        raise ValueError(f"{kind} does not add up: {dict(sums)}")
    transaction_id = new_id()
    await db.execute(
        _POST,
        transaction_id,
        kind,
        idempotency_key,
        tenant_id,
        order_id,
        [entry.account.id for entry in entries],
        [entry.account.code for entry in entries],
        [entry.account.owner_id for entry in entries],
        [entry.account.currency for entry in entries],
        [entry.amount_minor for entry in entries],
    )
    return transaction_id


async def lock_balances(accounts: Sequence[Account]) -> list[int]:
    """What each liability account holds (a credit is positive here), locked until commit.

    Only a debit locks, in the order of ids, and with NO KEY UPDATE: credits go on meanwhile, and
    can only make the balance larger. An account that was never used holds nothing.
    """
    await db.fetch(
        "select id from ledger_accounts where id = any ($1) order by id for no key update",
        [account.id for account in accounts],
    )
    # A second statement: it sees what was committed while the first one waited.
    rows = await db.fetch(
        "select id, -ledger_balance(id) as held from unnest($1::uuid[]) as wanted (id)",
        [account.id for account in accounts],
    )
    held = {row["id"]: row["held"] for row in rows}
    return [held[account.id] for account in accounts]


async def balance(account: Account) -> int:
    """What a liability account holds, without a lock: for showing."""
    held: int = await db.fetch_value("select -ledger_balance($1)", account.id)
    return held


async def require(account: Account, amount_minor: int, *, field: str) -> None:
    """Lock an account and make sure that it holds so much; `InsufficientBalance` if not."""
    (held,) = await lock_balances([account])
    if held < amount_minor:
        raise InsufficientBalance(
            "The balance is too low.", field=field, details={"available": held}
        )
