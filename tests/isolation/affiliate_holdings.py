"""A shop's affiliates, as the town has them: who has joined, and a click of theirs."""

from uuid import UUID

import asyncpg

from affiliates.click_tokens import Touch, Touches, write_touches
from isolation.neighbours import Holdings
from kernel.clock import utc_now
from kernel.ids import new_id, public_id


def click_of(theirs: Holdings) -> str:
    """The token of a click on a link of the shop's affiliate."""
    touch = Touch(new_id(), theirs.people["AFFILIATE"].id, None, utc_now())
    return write_touches(Touches(touch, touch), tenant_id=theirs.shop.id)


def program_of(theirs: Holdings) -> str:
    """The shop's program."""
    return public_id("apg", theirs.affiliate_program)


async def be_ready_for(owner: asyncpg.Connection, name: str, own: Holdings, person: UUID) -> None:
    """Let a customer be no affiliate, who is about to join; or be one, who goes to the desk."""
    if name == "affiliateJoin":
        await owner.execute("delete from affiliates where customer_id = $1", person)
    if name == "affiliateSignIn":
        await owner.execute(
            """insert into affiliates (tenant_id, id, program_id, customer_id, name, code)
               values ($1, $2, $3, $4, $5, $6)
               on conflict (tenant_id, customer_id) where customer_id is not null
               do update set status = 'ACTIVE'""",
            own.shop.id,
            new_id(),
            own.affiliate_program,
            person,
            f"{own.marker} member",
            f"{own.marker}member",
        )
