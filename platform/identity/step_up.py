"""A second confirmation: whoever holds a token says once more that it is them.

A stolen token must not move money. Before it does, its holder shows the login's password, or, where
there is none, a code that the platform's mailer has sent. The proof is good for one act of one
kind, with the same token, for minutes (docs/decisions/0066).
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from identity.attempts import count_attempt, forgive
from identity.models import TokenKind
from identity.passwords import verify_password
from identity.sign_in import ACCOUNT_ATTEMPTS, WINDOW_SECONDS
from identity.staff_accounts import LOGINS, opened_account
from identity.tokens import Caller
from kernel import crypto, db
from kernel.crypto import Sealed
from kernel.errors import Forbidden, Invalid, Refusal
from kernel.ids import new_id, public_id
from kernel.outbox import EventType, tell
from tenants.queries import root_id

CHALLENGE_SECONDS: Final = 10 * 60
PROOF_SECONDS: Final = 5 * 60
ASKED_AN_HOUR: Final = 60
CODE_DIGITS: Final = 8
_LONGEST_PROOF: Final = 100  # characters

_PUBLIC_KINDS: Final = {
    TokenKind.STAFF: "stf",
    TokenKind.OPERATOR: "stf",
    TokenKind.AFFILIATE: "aff",
    TokenKind.SUPPLIER: "sup",
}


class Purpose(StrEnum):
    """What a proof is good for: one kind of act."""

    PAYOUT_METHOD = "PAYOUT_METHOD"
    PAYOUT_REQUEST = "PAYOUT_REQUEST"
    PAYOUT_REVIEW = "PAYOUT_REVIEW"
    PAYOUT_BATCH = "PAYOUT_BATCH"


class Means(StrEnum):
    """How a challenge is met."""

    PASSWORD = "PASSWORD"  # noqa: S105 - the name of a means
    CODE = "CODE"


class StepUpRequired(Refusal):
    """The act takes a proof, and this is none for it: ask for a challenge, and meet it."""

    code = "STEP_UP_REQUIRED"


class StepUpFailed(Refusal):
    """What was shown is not the password, or not the code; or the challenge is over."""

    code = "WRONG_CREDENTIALS"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who acts, and with which token."""

    kind: TokenKind
    principal_id: UUID
    token_hash: bytes

    @classmethod
    def of(cls, caller: Caller | None, token: str | None) -> "Holder":
        """The holder of a request; `Forbidden` for who cannot confirm anything."""
        if caller is None or token is None or caller.kind not in _PUBLIC_KINDS:
            raise Forbidden("Only people who act for a party confirm what they do.")
        return cls(caller.kind, caller.principal_id, crypto.token_hash(token))

    @property
    def subject(self) -> str:
        """As whom wrong answers are counted, with whichever token."""
        return f"{self.kind}:{self.principal_id}"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What is asked of the holder, until when."""

    id: UUID
    means: Means
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """The text that an act takes, readable this once."""

    text: str
    expires_at: datetime


async def start_step_up(holder: Holder, purpose: Purpose) -> Challenge:
    """Ask the holder for the password, or have a code sent where there is none.

    Raises `RateLimited` for who asks more than 60 times an hour.
    """
    await count_attempt(
        scope="step-up:asked",
        subject=holder.subject,
        limit=ASKED_AN_HOUR,
        window_seconds=3600,
    )
    async with db.transaction(db.core_scope()):
        means = Means.PASSWORD if await _password_hash(holder) else Means.CODE
        challenge_id = new_id()
        expires_at: datetime = await db.fetch_value(
            """insert into step_up_challenges (id, token_hash, principal_kind, principal_id,
                                               purpose, means, expires_at)
               values ($1, $2, $3, $4, $5, $6, platform_now() + $7::interval)
               returning expires_at""",
            challenge_id,
            holder.token_hash,
            holder.kind,
            holder.principal_id,
            purpose,
            means,
            timedelta(seconds=CHALLENGE_SECONDS),
        )
        if means is Means.CODE:
            await tell(
                EventType.STEP_UP_CODE_ASKED,
                tenant_id=await root_id(),
                object_id=challenge_id,
                facts={"purpose": purpose},
            )
    return Challenge(challenge_id, means, expires_at)


async def confirm_step_up(holder: Holder, challenge_id: UUID, *, answer: str) -> Proof:
    """Exchange the password, or the code, for a proof.

    At most 5 wrong answers of a holder are evaluated in a quarter of an hour. Raises `StepUpFailed`
    for a wrong one and for a challenge that is over, was met, or is another token's; `RateLimited`.
    """
    attempt = await count_attempt(
        scope="step-up",
        subject=holder.subject,
        limit=ACCOUNT_ATTEMPTS,
        window_seconds=WINDOW_SECONDS,
    )
    async with db.transaction(db.core_scope(), read_only=True):
        means = await db.fetch_value(
            f"select means from step_up_challenges where {_OPEN}", challenge_id, holder.token_hash
        )
        stored = await _password_hash(holder)
    if means == Means.CODE:
        is_right = hmac.compare_digest(answer.encode(), code_of(challenge_id).encode())
    else:
        is_right = await verify_password(answer, password_hash=stored)
    if means is None or not is_right:
        raise _failed()
    proof = crypto.new_token("kmv")
    async with db.transaction(db.core_scope()):
        await forgive(attempt)
        expires_at = await db.fetch_value(
            f"""update step_up_challenges
                set proof_hash = $3, expires_at = platform_now() + $4::interval
                where {_OPEN} returning expires_at""",
            challenge_id,
            holder.token_hash,
            crypto.token_hash(proof),
            timedelta(seconds=PROOF_SECONDS),
        )
        if expires_at is None:  # met by another request at the same moment
            raise _failed()
    return Proof(proof, expires_at)


_OPEN: Final = """id = $1 and token_hash = $2 and proof_hash is null
    and expires_at > platform_now()"""


async def use_proof(holder: Holder, purpose: Purpose, proof: str) -> None:
    """Use a proof up, in the open transaction of the act: what rolls back has not used it.

    Of many who use the same proof at once one succeeds. Raises `StepUpRequired`.
    """
    used = 0
    if proof.isascii() and len(proof) <= _LONGEST_PROOF:
        used = await db.execute(
            """update step_up_challenges set used_at = platform_now()
               where proof_hash = $1 and token_hash = $2 and purpose = $3 and used_at is null
                 and expires_at > platform_now()""",
            crypto.token_hash(proof),
            holder.token_hash,
            purpose,
        )
    if not used:
        raise StepUpRequired("Confirm first that it is you.", field="stepUpProof")


def code_of(challenge_id: UUID) -> str:
    """The code that meets a challenge: eight digits that only we can make."""
    secret = crypto.token_hash(crypto.derived_token("kmv", f"step-up:{challenge_id}"))
    return f"{int.from_bytes(secret) % 10**CODE_DIGITS:0{CODE_DIGITS}}"


async def code_message(facts: Mapping[str, Any], challenge_id: UUID) -> dict[str, Any]:
    """What the platform's mailer is told, when it is told: whom to send which code.

    The code is null once it is good no more. A supplier and an affiliate are known to the mailer by
    their id; of a login its account is said.
    """
    rows = await db.read(
        db.core_scope(),
        """select challenge.principal_kind, challenge.principal_id, challenge.expires_at,
                  proof_hash is null and expires_at > platform_now() as is_open,
                  person.account, person.data_key_id
           from step_up_challenges challenge
           left join staff_users person on person.id = challenge.principal_id
           where challenge.id = $1""",
        challenge_id,
    )
    if not rows:
        return dict(facts)
    (row,) = rows
    kind = TokenKind(row["principal_kind"])
    account = None
    if row["account"] is not None:
        sealed = Sealed(row["data_key_id"], row["account"])
        account = opened_account(sealed, row["principal_id"], column=LOGINS)
    return {
        **facts,
        "holderKind": kind,
        "holderId": public_id(_PUBLIC_KINDS[kind], row["principal_id"]),
        "account": account,
        "code": code_of(challenge_id) if row["is_open"] else None,
        "expiresAt": row["expires_at"],
    }


async def forget_old_challenges(most: int) -> int:
    """Delete up to `most` challenges that ended a day ago; says how many."""
    async with db.transaction(db.core_scope()):
        return await db.execute(
            """delete from step_up_challenges
               where ctid in (select ctid from step_up_challenges
                              where expires_at < platform_now() - interval '1 day' limit $1)""",
            most,
        )


def require_answer(password: str | None, code: str | None) -> str:
    """The one answer of the two that a challenge may be met with; `Invalid` for both and none."""
    if (password is None) == (code is None):
        raise Invalid("Show the password or the code, one of the two.", field="password")
    return password if password is not None else code or ""


async def _password_hash(holder: Holder) -> str | None:
    """The password of a login; a supplier and an affiliate have none."""
    stored: str | None = await db.fetch_value(
        "select password_hash from staff_users where id = $1", holder.principal_id
    )
    return stored


def _failed() -> StepUpFailed:
    return StepUpFailed("This does not confirm it: it is wrong, or too late.", field="password")
