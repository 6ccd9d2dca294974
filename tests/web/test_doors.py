"""Coming in and keeping others out: accounts, sessions, forged forms, foreign addresses."""

from collections.abc import Callable

import pytest

from processes import Platform
from web_visitor import Visitor
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

Visitors = Callable[..., Visitor]
PASSWORD = "a long enough password"


async def signed_up(visitor: Visitor, account: str, **filled: str) -> None:
    """Open an account, and be signed in."""
    page = await visitor.get("/sign-up")
    done = await visitor.submit(page, "/sign-up", account=account, password=PASSWORD, **filled)
    assert done.to == "/account"


async def test_an_account_is_opened_left_and_entered_again(visitor: Visitor) -> None:
    await signed_up(visitor, "Someone@Example.com")
    account = await visitor.get("/account")
    assert "someone@example.com" in account.text

    assert (await visitor.submit(account, "/sign-out")).to == "/"
    assert (await visitor.get("/account")).to == "/sign-in?next=/account"
    page = await visitor.get("/sign-in")
    back = await visitor.submit(page, "/sign-in", account="someone@example.com", password=PASSWORD)

    assert back.to == "/account"
    assert "someone@example.com" in (await visitor.get("/account")).text


async def test_a_phone_number_is_an_account_as_well(visitor: Visitor) -> None:
    await signed_up(visitor, "138 0013 8000")

    assert "+8613800138000" in (await visitor.get("/account")).text


@pytest.mark.parametrize(
    ("account", "password", "message"),
    [
        ("", PASSWORD, "Enter your e-mail or phone."),
        ("nobody@", PASSWORD, "This is not an e-mail address."),
        ("12", PASSWORD, "This is not a phone number."),
        ("short@example.com", "short", "A password has 8 to 128 characters."),
    ],
)
async def test_a_problem_stands_beside_its_field_and_the_password_is_not_repeated(
    visitor: Visitor, account: str, password: str, message: str
) -> None:
    page = await visitor.get("/sign-up")
    refused = await visitor.submit(page, "/sign-up", account=account, password=password)

    assert refused.status == 422
    assert message in refused.text
    assert refused.form("/sign-up").fields["account"] == account
    assert refused.form("/sign-up").fields["password"] == ""


async def test_a_session_cookie_is_for_pages_only(visitor: Visitor, platform: Platform) -> None:
    await signed_up(visitor, "cookie@example.com")
    kept = {cookie.name: cookie for cookie in visitor.browser.cookies.jar}
    session = kept["kameng-session"]
    assert session.value is not None and session.value.startswith("kmc_")
    assert session.has_nonstandard_attr("HttpOnly")
    assert session.get_nonstandard_attr("SameSite") == "lax"
    assert session.path == "/"

    answer = await visitor.browser.post(
        f"{platform.api_url}/graphql/",
        json={"query": "{ me { email } }"},
        headers={"host": visitor.host, "x-kameng-client": "tests"},
    )

    assert "cookie@example.com" not in answer.text
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_signing_out_ends_the_token_wherever_it_was_copied(visitors: Visitors) -> None:
    visitor, thief = visitors(), visitors()
    await signed_up(visitor, "copied@example.com")
    thief.browser.cookies = visitor.browser.cookies.__class__(visitor.browser.cookies)
    assert "copied@example.com" in (await thief.get("/account")).text

    await visitor.submit(await visitor.get("/account"), "/sign-out")

    assert (await thief.get("/account")).to == "/sign-in?next=/account"
    assert "kameng-session" not in thief.browser.cookies


@pytest.mark.parametrize("kind", ["STAFF", "OPERATOR", "API_CLIENT"])
async def test_only_a_customers_token_makes_a_session(
    visitor: Visitor, world: World, kind: str
) -> None:
    makers = {
        "STAFF": world.staff("OWNER"),
        "OPERATOR": world.operator(),
        "API_CLIENT": world.api_client(),
    }
    people = {name: await maker for name, maker in makers.items()}
    visitor.come_in(people[kind])

    assert (await visitor.get("/account")).to == "/sign-in?next=/account"
    assert (await visitor.get("/")).status == 200


async def test_another_shops_session_is_none_here(visitors: Visitors, world: World) -> None:
    other = await world.another_shop("next-door")
    visitor = visitors()
    visitor.come_in(await world.customer(other))

    page = await visitor.get("/")

    assert page.status == 200
    assert "/sign-in" in page.links
    assert "kameng-session" not in visitor.browser.cookies


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/ok\r\nSet-Cookie: a=b",
    ],
)
async def test_signing_in_leads_nowhere_but_into_this_shop(
    visitor: Visitor, world: World, target: str
) -> None:
    page = await visitor.get("/sign-in")
    assert page.form("/sign-in").fields["next"] == "/account"
    known = await world.owner.fetchval("select count(*) from customers where name = ''")
    account = f"redirect{known}@example.com"
    page = await visitor.get("/sign-up")
    done = await visitor.submit(page, "/sign-up", account=account, password=PASSWORD, next=target)

    assert done.to == "/account"
    assert "a" not in visitor.browser.cookies


async def test_signing_in_leads_back_to_where_the_visitor_was(visitor: Visitor) -> None:
    product = await visitor.get("/p/genshin-moon")
    (link,) = [link for link in product.links if link.startswith("/sign-in?next=")]
    page = await visitor.get(link)
    to_sign_up = next(link for link in page.links if link.startswith("/sign-up?"))
    page = await visitor.get(to_sign_up)
    done = await visitor.submit(
        page, "/sign-up", account="back-again@example.com", password=PASSWORD
    )

    assert done.to == "/p/genshin-moon"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "http://evil.shop.localhost"},
    ],
)
async def test_a_form_of_another_site_is_refused_even_with_the_right_token(
    visitor: Visitor, world: World, headers: dict[str, str]
) -> None:
    page = await visitor.get("/p/genshin-moon")
    form = page.form("/buy")
    before = await world.owner.fetchval("select count(*) from orders")
    refused = await visitor.post("/buy", {**form.fields, "method": "CARD"}, **headers)

    assert refused.status == 403
    assert await world.owner.fetchval("select count(*) from orders") == before


async def test_a_form_without_this_browsers_token_is_refused(
    visitors: Visitors, world: World
) -> None:
    visitor, other = visitors(), visitors()
    fields = {**(await visitor.get("/p/genshin-moon")).form("/buy").fields, "method": "CARD"}
    foreign = (await other.get("/p/genshin-moon")).form("/buy").fields["form_token"]
    before = await world.owner.fetchval("select count(*) from orders")

    for token in ("", "nonsense", foreign, "\u00e9"):
        refused = await visitor.post("/buy", {**fields, "form_token": token})
        assert refused.status == 403
    stranger = visitors()
    assert (await stranger.post("/buy", fields)).status == 403, "no cookie at all"
    assert await world.owner.fetchval("select count(*) from orders") == before


async def test_a_page_that_sends_no_referrer_can_still_send_its_forms(visitor: Visitor) -> None:
    page = await visitor.get("/p/genshin-moon")
    form = page.form("/buy")
    bought = await visitor.post("/buy", {**form.fields, "method": "CARD"}, origin="null")

    assert bought.status == 303


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("text/plain", b"a=b", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("application/x-www-form-urlencoded", b"a=%00", 400),
        ("application/x-www-form-urlencoded", b"a=%ff", 400),
        ("application/x-www-form-urlencoded", b"\xff=1", 400),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 20_000, 400),
        ("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 100), 400),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 70_000, 413),
        ("application/x-www-form-urlencoded", b"", 403),
    ],
)
@pytest.mark.parametrize("path", ["/buy", "/sign-in", "/account/top-up"])
async def test_what_is_no_form_of_ours_is_refused(
    visitor: Visitor, platform: Platform, path: str, content_type: str, body: bytes, status: int
) -> None:
    answer = await visitor.browser.post(
        f"{platform.api_url}{path}",
        content=body,
        headers={"host": visitor.host, "content-type": content_type},
    )

    assert answer.status_code == status


async def test_a_wallet_is_topped_up_through_a_channel(visitor: Visitor) -> None:
    await signed_up(visitor, "rich@example.com")
    account = await visitor.get("/account")
    assert account.form("/top-up").choices["method"] == ["CARD", "ALIPAY", "WECHAT_PAY"]
    started = await visitor.submit(account, "/top-up", amount="50.5", method="ALIPAY")

    back = await visitor.decide(started.to, "approve")
    assert back.to == "/account?top-up=waiting", "the channel's secret leaves the address"
    await visitor.get(back.to)
    for _ in range(100):
        account = await visitor.get("/account")
        if "¥50.50" in account.text:
            break

    assert "¥50.50" in account.text


@pytest.mark.parametrize(
    "amount", ["", "0", "-5", "1.234", "ten", "1e3", "1,000", "٣", "9" * 12, ".5", "60000"]
)
async def test_an_amount_that_is_none_is_refused_beside_its_field(
    visitor: Visitor, world: World, amount: str
) -> None:
    visitor.come_in(await world.customer())
    account = await visitor.get("/account")
    refused = await visitor.submit(account, "/top-up", amount=amount, method="CARD")

    assert refused.status == 422
    assert 'id="wrong-amount"' in refused.source
    assert refused.form("/top-up").fields["amount"] == amount
