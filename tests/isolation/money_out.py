"""What each party of the town has to be paid with, and how its payout gets to where it is needed.

Each party has a bank account, an account at the channel, one payout and a challenge; the town has
one batch, for there is never more than one open.
"""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import asyncpg

from billing.payouts import bank_files, rows
from billing.payouts.methods import HOLDER, NUMBER
from billing.payouts.parties import PaidPartyKind, Party
from identity.contact import seal_field
from identity.step_up import Purpose
from kernel import crypto, db
from kernel.ids import new_id
from payout_desk import ACCOUNT, earn

BATCH: Final = UUID(int=0xBA7C4)
_PURPOSES: Final = {
    "payoutMethodSet": Purpose.PAYOUT_METHOD,
    "payoutRequest": Purpose.PAYOUT_REQUEST,
    "payoutReview": Purpose.PAYOUT_REVIEW,
    "payoutBatchSend": Purpose.PAYOUT_BATCH,
    "payoutBatchFile": Purpose.PAYOUT_BATCH,
    "payoutBatchResult": Purpose.PAYOUT_BATCH,
}
#: Where the payout, and the batch, are when a root field does something with them.
_PAYOUT_IN: Final = {
    "payoutMethodSet": "CANCELED",
    "payoutReview": "CHECKING",
    "payoutHold": "CHECKING",
    "payoutBatchCreate": "APPROVED",
    "payoutBatchSend": "BATCHED",
    "payoutBatchFile": "SENT",
    "payoutBatchResult": "SENT",
}


@dataclass
class PaidParty:
    """A party of the town, and what it has."""

    party: Party
    bank_id: UUID = field(default_factory=new_id)
    channel_id: UUID = field(default_factory=new_id)
    payout_id: UUID = field(default_factory=new_id)


async def plant_party(owner: asyncpg.Connection, party: Party) -> PaidParty:
    """Let a party have earned something, and ask for a part of it."""
    paid = PaidParty(party)
    await earn(party)
    holder = seal_field(ACCOUNT.holder, row_id=paid.bank_id, column=HOLDER)
    number = seal_field(ACCOUNT.number, row_id=paid.bank_id, column=NUMBER)
    await owner.execute(
        """insert into payout_methods (tenant_id, id, party_kind, party_id, kind, currency, holder,
               number, bank, data_key_id, holder_index, last_four, ready, created_by, usable_at)
           values ($1, $2, $3, $4, 'BANK_ACCOUNT', 'CNY', $5, $6, 'bank', $7, $8, '7890', true,
                   'test', now())""",
        party.tenant_id, paid.bank_id, party.kind, party.id, holder.ciphertext, number.ciphertext,
        holder.key_id, bytes(32),
    )  # fmt: skip
    await owner.execute(
        """insert into payout_methods (tenant_id, id, party_kind, party_id, kind, currency, ready,
               created_by, usable_at, ended_at)
           values ($1, $2, $3, $4, 'STRIPE_ACCOUNT', 'CNY', true, 'test', now(), now())""",
        party.tenant_id, paid.channel_id, party.kind, party.id,
    )  # fmt: skip
    await owner.execute(
        """insert into payouts (tenant_id, id, party_kind, party_id, method_id, method_kind,
               currency, amount_minor, fee_minor, state, approvals_needed, requested_by,
               request_key, changed_by)
           values ($1, $2, $3, $4, $5, 'BANK_ACCOUNT', 'CNY', 10707, 200, 'REQUESTED', 1, $6, $7,
                   'test')""",
        party.tenant_id, paid.payout_id, party.kind, party.id, paid.bank_id, new_id(),
        f"planted {paid.payout_id}",
    )  # fmt: skip
    await owner.execute(
        """insert into payout_batches (id, day, currency, method_kind, number, state, created_by)
           values ($1, '2026-01-01', 'CNY', 'BANK_ACCOUNT', 1, 'OPEN', 'test')
           on conflict do nothing""",
        BATCH,
    )
    return paid


async def put_money_out(owner: asyncpg.Connection, name: str, paid: PaidParty) -> None:
    """Bring a party's payout, its places and the batch to where a root field needs them."""
    state = _PAYOUT_IN.get(name, "REQUESTED")
    in_batch = state in ("BATCHED", "SENT")
    live = paid.channel_id if name == "payoutMethodLink" else paid.bank_id
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        await owner.execute("delete from payouts where party_id = $1 and id <> $2",
                            paid.party.id, paid.payout_id)  # fmt: skip
        await owner.execute(
            """update payout_methods set next_look_at = null, ended_at = now()
               where party_id = $1 and id <> $2 and ended_at is null""",
            paid.party.id,
            live,
        )
        await owner.execute("update payout_methods set ended_at = null where id = $1", live)
        # What somebody has stopped, or reconciliation has shut, is open again for this one.
        await owner.execute("update payout_gates set shut_since = null")
        await owner.execute("update payout_stops set ended_at = now() where ended_at is null")
        await owner.execute(
            """update payouts set state = 'REQUESTED', batch_id = null, attempt = attempt + 1
               where batch_id is not null and id <> $1""",
            paid.payout_id,
        )
        await owner.execute(
            """update payouts set state = $2::text, attempt = attempt + 1, round = round + 1,
                      provider_ref = null, next_step_at = null, batch_id = $3 where id = $1""",
            paid.payout_id,
            state,
            BATCH if in_batch else None,
        )
        await owner.execute(
            """update payout_batches
               set state = case when $2::text = 'SENT' then 'SENT' else 'OPEN' end,
                   sent_at = case when $2::text = 'SENT' then now() end, file_hash = null
               where id = $1""",
            BATCH,
            state,
        )
    if name == "payoutBatchFile":
        await _note_the_file(owner, paid)


async def _note_the_file(owner: asyncpg.Connection, paid: PaidParty) -> None:
    async with db.transaction(db.every_tenant(reason="a test"), read_only=True):
        payout = await rows.by_id(paid.payout_id)
        assert payout is not None
        file_hash = await bank_files.hash_of_file([payout])
    await owner.execute("update payout_batches set file_hash = $2 where id = $1", BATCH, file_hash)


async def plant_proof(
    owner: asyncpg.Connection, name: str, *, proof: str, token: str, kind: str, person_id: UUID
) -> None:
    """Let a proof be good for a root field, with a token."""
    await owner.execute(
        "delete from step_up_challenges where proof_hash = $1", crypto.token_hash(proof)
    )
    await owner.execute(
        """insert into step_up_challenges (id, token_hash, principal_kind, principal_id, purpose,
                                           means, expires_at, proof_hash)
           values ($1, $2, $3, $4, $5, 'PASSWORD', platform_now() + interval '5 minutes', $6)""",
        new_id(),
        crypto.token_hash(token),
        kind,
        person_id,
        _PURPOSES.get(name, Purpose.PAYOUT_REQUEST),
        crypto.token_hash(proof),
    )


async def plant_challenge(
    owner: asyncpg.Connection, challenge_id: UUID, *, token: str, kind: str, person_id: UUID
) -> None:
    """Let a challenge be open for a token: of people by their password, of others by a code."""
    await owner.execute("delete from step_up_challenges where id = $1", challenge_id)
    await owner.execute(
        """insert into step_up_challenges (id, token_hash, principal_kind, principal_id, purpose,
                                           means, expires_at)
           values ($1, $2, $3, $4, 'PAYOUT_METHOD', $5, platform_now() + interval '9 minutes')""",
        challenge_id,
        crypto.token_hash(token),
        kind,
        person_id,
        "PASSWORD" if kind in ("STAFF", "OPERATOR") else "CODE",
    )


def party_of(shop_id: UUID, role: str, person_id: UUID | None) -> Party:
    """For whom a role is paid."""
    if role in ("AFFILIATE", "SUPPLIER"):
        assert person_id is not None
        return Party(PaidPartyKind(role), person_id, shop_id, "CNY")
    return Party(PaidPartyKind.TENANT, shop_id, shop_id, "CNY")
