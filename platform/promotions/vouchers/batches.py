"""Batches of vouchers: made in bulk, with all of their money set aside before a code exists.

Of a code only a keyed hash and its last four letters are kept; the codes themselves are given once.
Whoever has lost them voids the batch, has the money back, and makes another one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from billing import accounts, ledger, payout_gate
from billing.ledger import Account
from billing.postings import vouchers as postings
from kernel import clear_codes, crypto, db
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id
from tenants.directory import Shop, TenantRestricted

Funder = Literal["SHOP", "BUDGET", "PLATFORM"]
MOST_CODES: Final = 10_000
MOST_VALUE_MINOR: Final = 5_000_000
LONGEST_NAME: Final = 60
LONGEST_LIFE: Final = timedelta(days=3 * 365)
CODE_LENGTH: Final = 16
"""15 letters of 23 and a check: 68 bits."""
MOST_OPEN: Final = 200
"""Batches of a shop that are not over."""


class VoucherConflict(Refusal):
    """The idempotency key was used for another batch."""

    code = "IDEMPOTENCY_CONFLICT"


@dataclass(frozen=True, slots=True)
class BatchWish:
    """A batch as somebody wants it; the value of each code in minor units of the shop's currency.

    A SHOP pays out of what it has earned, from its promotion BUDGET, or the PLATFORM pays.
    """

    name: str
    funder: Funder
    value_minor: int
    count: int
    starts_at: datetime
    ends_at: datetime
    most_per_customer: int | None
    idempotency_key: str

    def require_possible(self, now: datetime) -> None:
        """Raise `Invalid` for what no batch can be."""
        if not (1 <= len(self.name) <= LONGEST_NAME and self.name.isprintable()):
            raise Invalid(f"A name has 1 to {LONGEST_NAME} printable characters.", field="name")
        if not 1 <= self.value_minor <= MOST_VALUE_MINOR:
            raise Invalid(f"A voucher is worth 1 to {MOST_VALUE_MINOR} minor units.", field="value")
        if not 1 <= self.count <= MOST_CODES:
            raise Invalid(f"A batch has 1 to {MOST_CODES} codes.", field="count")
        if not self.starts_at < self.ends_at <= now + LONGEST_LIFE or self.ends_at <= now:
            raise Invalid(
                "A batch ends after it begins, in the future, and within three years.",
                field="endsAt",
            )
        if self.most_per_customer is not None and not 1 <= self.most_per_customer <= MOST_CODES:
            raise Invalid(f"A customer redeems 1 to {MOST_CODES} codes.", field="mostPerCustomer")
        if not 1 <= len(self.idempotency_key) <= 128:
            raise Invalid(
                "An idempotency key has 1 to 128 characters, best a random UUID.",
                field="idempotencyKey",
            )


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch's row."""

    id: UUID
    tenant_id: UUID
    name: str
    funder: Funder
    value_minor: int
    currency: str
    count: int
    starts_at: datetime
    ends_at: datetime
    most_per_customer: int | None
    state: str

    @property
    def account(self) -> Account:
        """Where the money of its unredeemed codes lies."""
        return accounts.voucher(self.id, self.currency)

    @property
    def funders_account(self) -> Account:
        """Where its money came from, and what is left of it goes back to."""
        return _funders_account(self.funder, self.tenant_id, self.currency)


BATCH_COLUMNS: Final = """batch.id, batch.tenant_id, batch.name, batch.funder,
    batch.value_minor::bigint, batch.currency::text, batch.count, batch.starts_at, batch.ends_at,
    batch.most_per_customer, batch.state"""


def _funders_account(funder: Funder, tenant_id: UUID, currency: str) -> Account:
    if funder == "SHOP":
        return accounts.party_available(tenant_id, currency)
    if funder == "BUDGET":
        return accounts.promo(tenant_id, currency)
    return accounts.expense("PROMO", currency)


async def create_batch(*, shop: Shop, wish: BatchWish, actor: str) -> tuple[Batch, tuple[str, ...]]:
    """Set a batch's money aside and make its codes; returns them, which nobody can do again.

    A repeated request gets the batch and no codes. Raises `Invalid`, `InsufficientBalance`,
    `TenantRestricted` for a shop that is paid nothing out, `InDebt`, `PayoutsStopped`,
    `VoucherConflict`.
    """
    batch_id = new_id()
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        wish.require_possible(await db.fetch_value("select platform_now()"))
        await _require_room(shop, wish)
        is_first = await _write_batch(batch_id, shop, wish, actor)
        batch = await _by_key(shop, wish)
        if not is_first:
            return batch, ()
        total_minor = batch.value_minor * batch.count
        if batch.funder != "PLATFORM":
            await ledger.require(batch.funders_account, total_minor, field="value")
            await payout_gate.require_free_to_give("TENANT", shop.id)
        codes = await _write_codes(batch)
        await ledger.post(
            postings.funded(
                funder=batch.funders_account, batch=batch.account, amount_minor=total_minor
            ),
            kind="VOUCHER_FUNDED",
            idempotency_key=f"voucher-batch:{batch.id}",
            tenant_id=shop.id,
        )
    return batch, codes


async def _require_room(shop: Shop, wish: BatchWish) -> None:
    """Raise where the shop may not give money away, or has too many batches."""
    row = await db.fetch_row(
        """select tenants.payouts_frozen,
                  (select count(*) from voucher_batches batch
                   where batch.tenant_id = tenants.id and batch.state in ('ACTIVE', 'BLOCKED'))
                      as batches
           from tenants where id = $1 for no key update""",
        shop.id,
    )
    assert row is not None
    if wish.funder != "PLATFORM" and row["payouts_frozen"]:
        raise TenantRestricted("This shop pays nothing out at the moment: an operator decides.")
    if row["batches"] >= MOST_OPEN:
        raise Invalid(f"A shop has at most {MOST_OPEN} batches that are not over.", field="name")


async def _write_batch(batch_id: UUID, shop: Shop, wish: BatchWish, actor: str) -> bool:
    return bool(
        await db.execute(
            """insert into voucher_batches (tenant_id, id, name, funder, value_minor, currency,
                                            count, starts_at, ends_at, most_per_customer, state,
                                            made_by, request_key)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'ACTIVE', $11, $12)
               on conflict (tenant_id, request_key) do nothing""",
            shop.id,
            batch_id,
            wish.name,
            wish.funder,
            wish.value_minor,
            shop.currency,
            wish.count,
            wish.starts_at,
            wish.ends_at,
            wish.most_per_customer,
            actor,
            wish.idempotency_key,
        )
    )


async def _by_key(shop: Shop, wish: BatchWish) -> Batch:
    row = await db.fetch_row(
        f"""select {BATCH_COLUMNS} from voucher_batches batch
            where batch.tenant_id = $1 and batch.request_key = $2""",
        shop.id,
        wish.idempotency_key,
    )
    assert row is not None
    batch = Batch(**row)
    said: tuple[Any, ...] = (wish.name, wish.funder, wish.value_minor, wish.count, wish.starts_at,
                             wish.ends_at, wish.most_per_customer)  # fmt: skip
    if said != (batch.name, batch.funder, batch.value_minor, batch.count, batch.starts_at,
                batch.ends_at, batch.most_per_customer):  # fmt: skip
        raise VoucherConflict(
            "This idempotency key was used for another request.", field="idempotencyKey"
        )
    return batch


async def _write_codes(batch: Batch) -> tuple[str, ...]:
    """Make so many codes. Two that are equal are not to be expected in the age of the universe;
    were there two, the unique index would refuse the batch."""
    codes = tuple(clear_codes.random_code(CODE_LENGTH) for _ in range(batch.count))
    await db.execute(
        """insert into vouchers (tenant_id, id, batch_id, code_hash, last_letters)
           select $1, made.id, $2, made.hash, made.letters
           from unnest($3::uuid[], $4::bytea[], $5::text[]) as made (id, hash, letters)""",
        batch.tenant_id,
        batch.id,
        [new_id() for _ in codes],
        [code_hash(code) for code in codes],
        [code[-4:] for code in codes],
    )
    return codes


def code_hash(code: str) -> bytes:
    """What is kept of a code: nobody without the master secret can try codes against it."""
    return crypto.blind_index("voucher", code)


async def own_batch(shop: Shop, batch_id: UUID, *, by_platform: bool) -> Batch:
    """A batch of the shop's, locked; `NotFound` for one of others, and for one that somebody else
    has paid for."""
    row = await db.fetch_row(
        f"""select {BATCH_COLUMNS} from voucher_batches batch
            where batch.tenant_id = $1 and batch.id = $2
              and ($3 or batch.funder <> 'PLATFORM') for no key update""",
        shop.id,
        batch_id,
        by_platform,
    )
    if row is None:
        raise NotFound("There is no such batch of vouchers.", field="batchId")
    return Batch(**row)
