"""A guest buys a key in a real browser: the catalogue, the card, the channel's page, the key."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from stories.market import Market

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
VIEWPORTS = ((1280, 900), (390, 844))

pytestmark = [
    pytest.mark.engines,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.skipif(
        not CHROMIUM.exists() and "CI" not in os.environ,
        reason="needs Debian's chromium: apt-get install chromium",
    ),
]


@pytest_asyncio.fixture(params=VIEWPORTS, ids=["desk", "phone"], loop_scope="package")
async def browser(request: pytest.FixtureRequest) -> AsyncIterator[BrowserContext]:
    """A fresh Chromium of one size that runs no script."""
    width, height = request.param
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield await chromium.new_context(
            java_script_enabled=False,
            locale="en-GB",
            viewport={"width": width, "height": height},
        )
        await chromium.close()


async def fits(page: Page) -> bool:
    """True when nothing is wider than the screen."""
    width = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    return bool(await page.evaluate(width))


async def test_a_guest_buys_by_card_and_reads_the_key(
    market: Market, browser: BrowserContext
) -> None:
    stall = await market.stall(keys=1)
    page = await browser.new_page()
    loaded: set[str] = set()
    page.on("request", lambda request: loaded.add(request.url.split("/")[2]))
    home = f"{stall.shop.host}:{market.platform.api_port}"

    await page.goto(f"http://{home}/")
    assert await fits(page)
    product = page.get_by_role("link", name=stall.goods.slug, exact=True)
    while not await product.count():
        await page.get_by_role("link", name="Next page").click()
    await product.click()
    assert await fits(page)
    await page.get_by_label("Bank card").check()
    await page.get_by_role("button", name="Buy now").click()
    assert page.url.startswith(f"{market.platform.sandbox_url}/approve/")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("Delivered")).to_be_visible()
    link = await page.locator("code.copy").inner_text()
    assert stall.secrets[0] not in await page.content()
    assert await fits(page)

    await page.get_by_role("button", name="Show all keys").click()
    assert await page.locator("code.secret").inner_text() == stall.secrets[0]
    assert await fits(page)

    await browser.clear_cookies()
    await page.goto(link)
    await expect(page.get_by_text("Delivered")).to_be_visible()
    assert "?t=" not in page.url
    assert loaded == {home, market.platform.sandbox_url.split("/")[2]}
    await market.assert_sound()
