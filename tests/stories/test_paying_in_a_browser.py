"""A customer pays on the channel's page, keeps the card, and pays with it, in a real browser."""

from playwright.async_api import BrowserContext, expect

from stories.market import Market
from stories.test_the_shop_page_in_a_browser import browser as browser
from stories.test_the_shop_page_in_a_browser import fits
from stories.test_the_shop_page_in_a_browser import pytestmark as pytestmark


async def test_a_card_is_entered_on_the_checkout_page_kept_and_pays_the_next_order(
    market: Market, browser: BrowserContext
) -> None:
    stall = await market.stall(keys=2)
    await market.world.owner.execute(
        "update tenants set payment_methods = $2 where id = $1",
        stall.shop.id,
        ["WALLET", "CARD", "ALIPAY", "WECHAT_PAY", "UNIONPAY", "KLARNA"],
    )
    buyer = await market.customer(stall)
    assert buyer.person is not None and buyer.person.token is not None
    home = f"http://{stall.shop.host}:{market.platform.api_port}"
    await browser.add_cookies(
        [{"name": "kameng-session", "value": buyer.person.token, "url": home}]
    )
    page = await browser.new_page()
    first, second = await buyer.order(stall), await buyer.order(stall)

    await page.goto(f"{home}/o/{first.no}")
    assert await fits(page)
    await expect(page.get_by_label("Klarna")).to_have_count(0)
    await expect(page.get_by_label("UnionPay card")).to_be_visible()
    await page.get_by_label("On the checkout page").check()
    await page.get_by_label("Keep the card").check()
    await page.get_by_role("button", name="Pay").click()
    assert page.url.startswith(f"{market.platform.sandbox_url}/pay/cs_")
    assert await fits(page)
    await page.get_by_role("link", name="Back to the shop").click()
    await expect(page.get_by_text("did not go through")).to_be_visible()
    await page.get_by_label("On the checkout page").check()
    await page.get_by_label("Keep the card").check()
    await page.get_by_role("button", name="Pay").click()
    await page.get_by_role("button", name="Pay").click()
    await expect(page.get_by_text("Delivered")).to_be_visible()

    await page.goto(f"{home}/o/{second.no}")
    while not await page.get_by_label("Kept card").count():
        await page.reload()
    assert await fits(page)
    await page.get_by_label("Kept card").check()
    await page.get_by_role("button", name="Pay").click()
    await expect(page.get_by_text("Delivered")).to_be_visible()
    await page.goto(f"{home}/account")
    await expect(page.get_by_text("Visa •••• 4242")).to_be_visible()
    assert await fits(page)
    await page.get_by_role("button", name="Delete: Visa").click()
    await expect(page.get_by_text("Visa •••• 4242")).to_have_count(0)
    await market.assert_sound()
