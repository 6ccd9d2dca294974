"""A password is changed on the account's page, and set anew by a link."""

from collections.abc import Callable

import pytest

from kernel import crypto
from web_visitor import Visitor
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

Visitors = Callable[..., Visitor]
OLD, NEW, NEWEST = "a long password", "a longer password", "the longest password"


async def sign_in(visitor: Visitor, account: str, password: str) -> int:
    """Try to sign in; the status of the answer."""
    door = await visitor.get("/sign-in")
    return (await visitor.submit(door, "/sign-in", account=account, password=password)).status


async def test_a_customer_changes_the_password_and_is_signed_out_elsewhere(
    visitors: Visitors,
) -> None:
    here, there, account = visitors(), visitors(), "changes@example.com"
    await here.submit(await here.get("/sign-up"), "/sign-up", account=account, password=OLD)
    assert await sign_in(there, account, OLD) == 303
    page = await here.get("/account")
    wrong = await here.submit(
        page, "/account/password", current_password="not mine", new_password=NEW
    )
    assert wrong.status == 403 and "The current password is wrong." in wrong.text
    short = await here.submit(page, "/account/password", current_password=OLD, new_password="a")
    assert short.status == 422 and "A password has 8 to 128 characters." in short.text
    assert NEW not in wrong.source and OLD not in short.source

    done = await here.submit(page, "/account/password", current_password=OLD, new_password=NEW)
    assert "all other sessions have ended" in (await here.get(done.to)).text
    assert (await there.get("/account")).to == "/sign-in?next=/account"
    assert await sign_in(there, account, OLD) == 403
    assert await sign_in(there, account, NEW) == 303
    guest = visitors()
    fields = (await guest.get("/sign-in")).form("/sign-in").fields
    assert (await guest.post("/account/password", fields)).to == "/sign-in?next=/account"


async def test_a_forgotten_password_is_set_anew_by_a_link_that_is_good_once(
    visitors: Visitors, world: World
) -> None:
    forgetful, account = visitors(), "forgets@example.com"
    await forgetful.submit(
        await forgetful.get("/sign-up"), "/sign-up", account=account, password=OLD
    )
    stranger = visitors()
    door = await stranger.get("/sign-in")
    assert "/forgot" in door.links
    asked = await stranger.submit(await stranger.get("/forgot"), "/forgot", account=account)
    nobody = await stranger.submit(
        await stranger.get("/forgot"), "/forgot", account="nobody@example.com"
    )
    assert asked.status == nobody.status == 200
    assert asked.text == nobody.text and "a link is on its way" in asked.text

    reset_id = await world.owner.fetchval(
        "select id from password_resets order by created_at desc limit 1"
    )
    token = crypto.derived_token("kmp", f"password-reset:{reset_id}")
    page = await stranger.get(f"/reset?t={token}")
    short = await stranger.submit(page, "/reset", new_password="a")
    assert short.status == 422 and "A password has 8 to 128 characters." in short.text
    done = await stranger.submit(page, "/reset", new_password=NEWEST)
    assert "sign in with the new one" in (await stranger.get(done.to)).text
    assert (await forgetful.get("/account")).to == "/sign-in?next=/account"
    again = await stranger.submit(page, "/reset", new_password=OLD)
    assert again.status == 404 and "This link is not good any more" in again.text
    assert await sign_in(stranger, account, NEWEST) == 303
    assert (await stranger.get("/reset?t=kmp_short")).status == 404
