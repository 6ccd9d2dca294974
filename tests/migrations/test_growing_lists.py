"""A migration adds values to a list without naming those that are there."""

import asyncpg
import pytest


async def checked(owner: asyncpg.Connection, name: str) -> str:
    definition: str = await owner.fetchval(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = $1", name
    )
    return definition


async def test_a_table_a_domain_and_an_array_of_a_domain_admit_more(
    owner: asyncpg.Connection,
) -> None:
    lists = ("refunds_reason_check", "object_kind_check", "event_type_check")
    before = [await checked(owner, name) for name in lists]

    await owner.execute("call admit_values('refunds', 'refunds_reason_check', 'WHIM', 'O''NEIL')")
    await owner.execute("call admit_domain_values('object_kind', 'comet')")
    await owner.execute("call admit_event_types('comet.seen')")

    assert [await checked(owner, name) for name in lists] == [
        before[0].replace("ARRAY[", "ARRAY['WHIM'::text, 'O''NEIL'::text, "),
        before[1].replace("ARRAY[", "ARRAY['comet'::text, "),
        before[2].replace("ARRAY[", "ARRAY['comet.seen'::text, "),
    ]
    triggers = await owner.fetch(
        "select tgname from pg_trigger where tgrelid = 'webhook_endpoints'::regclass"
    )
    assert {"audited", "note_who_hears_orders"} <= {row["tgname"] for row in triggers}


async def test_what_is_no_list_stays_as_it_is(owner: asyncpg.Connection) -> None:
    before = await checked(owner, "currency_code_check")

    with pytest.raises(asyncpg.RaiseError, match="no list of values"):
        await owner.execute("call admit_domain_values('currency_code', 'EUR')")

    assert await checked(owner, "currency_code_check") == before
