"""Double entry: money moves between accounts and is never made or lost.

An entry is a signed amount in minor units: a debit is positive, a credit negative, and a
transaction adds up to zero in each currency (the database checks it at commit). Balances are
sums of entries, folded now and then; no sale updates a row that another sale needs. Credits are
appended without a lock, only a debit that may overdraw locks its account (`lock_balances`).
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from kernel import db
from kernel.errors import Refusal
from kernel.ids import new_id
from kernel.statements import Statement


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


POST = """
accounts as (
    insert into ledger_accounts (id, code, owner_id, currency)
    select distinct on (id) id, code, owner_id, currency
    from ready, unnest(:entry_accounts::uuid[], :entry_codes::text[], :entry_owners::uuid[],
                       :entry_currencies::text[]) as wanted (id, code, owner_id, currency)
    where not exists (select 1 from ledger_accounts known where known.id = wanted.id)
    on conflict do nothing
), header as (
    insert into ledger_transactions (id, kind, idempotency_key, tenant_id, order_id)
    select :posting_id::uuid, :posting_kind::text, :posting_key::text, :tenant_id::uuid,
           :order_id::uuid
    from ready
), entries as (
    insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
    select :posting_id::uuid, id, amount_minor, currency
    from ready, unnest(:entry_accounts::uuid[], :entry_amounts::bigint[], :entry_currencies::text[])
         as entry (id, amount_minor, currency)
)
"""
"""The part of a statement that posts one transaction where `ready` has a row.

Accounts are made when first used. Header and entries share a database transaction, and the entries
of a statement add up to zero in each currency: their trigger demands it.
"""

FUNDS = "funds as materialized (select -ledger_balance(:debited_account::uuid) as held_minor)"
"""The part of a statement that says what a liability account holds.

The account's row must be locked by an earlier statement (`payment_parts.LOCK_WALLET`,
`lock_balances`): only a later one sees what was committed while the lock was waited for.
"""

LOCK_FUNDS = """
funds as materialized (
    select lock_balance(:debited_account::uuid) as held_minor from {after} where refusal is null
)
"""
"""The same where `after` (the admission) refuses nothing, with the lock: the database's function
waits for it first, and then adds up what has been committed by then."""

_POST_ALONE = Statement.of("ready as (select 1)", POST, then="select 1")


def posting(
    entries: Sequence[Entry],
    *,
    kind: str,
    idempotency_key: str,
    tenant_id: UUID | None,
    order_id: UUID | None,
    posting_id: UUID | None = None,
) -> dict[str, Any]:
    """Give the values of `POST`; the transaction has a new id unless one is given.

    Raises `ValueError` when the entries do not add up to zero in each currency.
    """
    sums: dict[str, int] = defaultdict(int)
    for entry in entries:
        sums[entry.account.currency] += entry.amount_minor
    if not entries or any(sums.values()):
        raise ValueError(f"{kind} does not add up: {dict(sums)}")
    return {
        "posting_id": posting_id or new_id(),
        "posting_kind": kind,
        "posting_key": idempotency_key,
        "tenant_id": tenant_id,
        "order_id": order_id,
        "entry_accounts": [entry.account.id for entry in entries],
        "entry_codes": [entry.account.code for entry in entries],
        "entry_owners": [entry.account.owner_id for entry in entries],
        "entry_currencies": [entry.account.currency for entry in entries],
        "entry_amounts": [entry.amount_minor for entry in entries],
    }


async def post(
    entries: Sequence[Entry],
    *,
    kind: str,
    idempotency_key: str,
    tenant_id: UUID | None,
    order_id: UUID | None = None,
    posting_id: UUID | None = None,
) -> UUID:
    """Write one transaction; must run inside the caller's. The same idempotency key never twice.

    Raises `ValueError` when the entries do not add up to zero in each currency.
    """
    values = posting(
        entries,
        kind=kind,
        idempotency_key=idempotency_key,
        tenant_id=tenant_id,
        order_id=order_id,
        posting_id=posting_id,
    )
    await db.execute(_POST_ALONE.sql, *_POST_ALONE.values(values))
    written_id: UUID = values["posting_id"]
    return written_id


_OPEN_ACCOUNTS = """
insert into ledger_accounts (id, code, owner_id, currency)
select distinct on (id) id, code, owner_id, currency
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[])
     as wanted (id, code, owner_id, currency)
where not exists (select 1 from ledger_accounts known where known.id = wanted.id)
on conflict do nothing
"""


async def open_accounts(entries: Sequence[Entry]) -> None:
    """Let the accounts of these entries be there; inside the caller's transaction.

    Whoever makes an account is waited for. Who takes a row before it posts makes the accounts
    before that, where others take the row after they have posted: else each waits for the other.
    """
    accounts = [entry.account for entry in entries]
    await db.execute(
        _OPEN_ACCOUNTS,
        [account.id for account in accounts],
        [account.code for account in accounts],
        [account.owner_id for account in accounts],
        [account.currency for account in accounts],
    )


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
        raise too_little(held, field=field)


def too_little(held_minor: int, *, field: str) -> InsufficientBalance:
    """The refusal for a balance that does not suffice; it says what there is."""
    return InsufficientBalance(
        "The balance is too low.", field=field, details={"available": held_minor}
    )
