"""A second confirmation: by the password, else by a code; for one act, one token, minutes."""

from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from identity import step_up
from identity.models import TokenKind
from identity.passwords import hash_password
from identity.staff_accounts import LOGINS, staff_account
from identity.step_up import (
    Challenge,
    Holder,
    Means,
    Proof,
    Purpose,
    StepUpFailed,
    StepUpRequired,
    confirm_step_up,
    start_step_up,
    use_proof,
)
from identity.tokens import Caller
from kernel import db
from kernel.errors import Forbidden, Invalid, RateLimited
from kernel.ids import new_id
from kernel.settings import Settings
from listeners import plant_endpoint
from notifications import messages
from notifications.claiming import claim
from notifications.handing_on import hand_on
from payout_desk import holder_of
from world import World, build_world

pytestmark = pytest.mark.engines

PASSWORD = "correct horse battery"
FOR = Purpose.PAYOUT_REQUEST


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> World:
    return await build_world(owner, keys=0)


@pytest.fixture
async def finance(world: World) -> Holder:
    """A member with a password."""
    person = await world.staff("FINANCE")
    account = staff_account("finance@example.com")
    sealed = account.sealed_for(person.id, column=LOGINS)
    await world.owner.execute(
        """update staff_users set account = $2, account_index = $3, data_key_id = $4,
                  password_hash = $5 where id = $1""",
        person.id,
        sealed.ciphertext,
        account.index,
        sealed.key_id,
        await hash_password(PASSWORD),
    )
    return holder_of(person, TokenKind.STAFF)


async def uses(holder: Holder, proof: Proof | str, purpose: Purpose = FOR) -> None:
    async with db.transaction(db.core_scope()):
        await use_proof(holder, purpose, proof if isinstance(proof, str) else proof.text)


async def refused(holder: Holder, proof: Proof | str, purpose: Purpose = FOR) -> None:
    with pytest.raises(StepUpRequired):
        await uses(holder, proof, purpose)


async def test_a_password_gives_a_proof_for_one_act_with_the_same_token(
    world: World, finance: Holder
) -> None:
    challenge = await start_step_up(finance, FOR)
    assert challenge.means is Means.PASSWORD
    stranger = replace(finance, token_hash=bytes(32))
    for holder, answer in ((finance, "wrong"), (finance, ""), (stranger, PASSWORD)):
        with pytest.raises(StepUpFailed):
            await confirm_step_up(holder, challenge.id, answer=answer)
    proof = await confirm_step_up(finance, challenge.id, answer=PASSWORD)
    with pytest.raises(StepUpFailed):
        await confirm_step_up(finance, challenge.id, answer=PASSWORD)

    await refused(stranger, proof)
    await refused(finance, proof, Purpose.PAYOUT_METHOD)
    await refused(finance, "kmv_\u00e9")
    await refused(finance, "k" * 1_000)
    with pytest.raises(RuntimeError):
        async with db.transaction(db.core_scope()):
            await use_proof(finance, FOR, proof.text)
            raise RuntimeError  # what rolls back has used nothing
    await uses(finance, proof)
    await refused(finance, proof)
    assert proof.text not in str(await world.owner.fetch("select * from step_up_challenges"))


async def test_a_proof_and_a_challenge_last_for_minutes(world: World, finance: Holder) -> None:
    challenge = await start_step_up(finance, FOR)
    proof = await confirm_step_up(finance, challenge.id, answer=PASSWORD)
    late = await start_step_up(finance, FOR)
    await world.shift_clock("301 seconds")
    await refused(finance, proof)
    await world.shift_clock("601 seconds")
    with pytest.raises(StepUpFailed):
        await confirm_step_up(finance, late.id, answer=PASSWORD)
    await world.shift_clock("2 days")
    assert await step_up.forget_old_challenges(10) == 2
    assert await world.owner.fetchval("select count(*) from step_up_challenges") == 0


async def test_wrong_answers_are_counted_as_wrong_sign_ins_are(
    world: World, finance: Holder
) -> None:
    challenge = await start_step_up(finance, FOR)
    with_another_token = replace(finance, token_hash=bytes(32))
    for _ in range(5):
        with pytest.raises(StepUpFailed):
            await confirm_step_up(with_another_token, challenge.id, answer="a guess")
    with pytest.raises(RateLimited):
        await confirm_step_up(finance, challenge.id, answer=PASSWORD)


async def mail_of(world: World) -> list[dict[str, Any]]:
    """What the platform's mailer is sent."""
    await hand_on()
    return [await messages._data(one) for one in await claim(10)]


async def asked(world: World, kind: TokenKind) -> tuple[Holder, Challenge]:
    """Somebody without a password, who has asked for a code."""
    person = await (world.affiliate() if kind is TokenKind.AFFILIATE else world.supplier_token())
    holder = holder_of(person, kind)
    return holder, await start_step_up(holder, Purpose.PAYOUT_METHOD)


@pytest.mark.parametrize("kind", [TokenKind.SUPPLIER, TokenKind.AFFILIATE])
async def test_who_has_no_password_is_sent_a_code_by_the_platforms_mailer_alone(
    world: World, kind: TokenKind
) -> None:
    for place in (world.root, world.shop):
        await plant_endpoint(world.owner, place.id, event_types=["step_up.code_asked"])
    holder, challenge = await asked(world, kind)
    assert challenge.means is Means.CODE
    (mail,) = await mail_of(world)
    assert (mail["holderKind"], mail["account"], mail["purpose"]) == (kind, None, "PAYOUT_METHOD")
    stored = await world.owner.fetchval("select string_agg(details::text, '') from outbox_events")
    assert mail["code"] not in stored

    for wrong in ("", "0" * 8 if mail["code"] != "0" * 8 else "1" * 8, mail["code"] + "0"):
        with pytest.raises(StepUpFailed):
            await confirm_step_up(holder, challenge.id, answer=wrong)
    proof = await confirm_step_up(holder, challenge.id, answer=mail["code"])
    await uses(holder, proof, Purpose.PAYOUT_METHOD)
    facts = {"purpose": "PAYOUT_METHOD"}
    assert (await step_up.code_message(facts, challenge.id))["code"] is None, "it was used"


def test_a_buyer_and_a_program_confirm_nothing() -> None:
    for kind in (TokenKind.CUSTOMER, TokenKind.API_CLIENT):
        with pytest.raises(Forbidden):
            Holder.of(Caller(kind, new_id(), new_id()), "kmc_token")
    with pytest.raises(Forbidden):
        Holder.of(None, None)
    for answers in ((None, None), ("password", "12345678")):
        with pytest.raises(Invalid):
            step_up.require_answer(*answers)
