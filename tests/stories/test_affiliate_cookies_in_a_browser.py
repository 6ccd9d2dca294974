"""What a real browser keeps of an affiliate's link: only where its user goes there."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, async_playwright

from patience import until
from stories.market import Market
from stories.test_the_shop_page_in_a_browser import CHROMIUM, FLAGS

pytestmark = [
    pytest.mark.engines,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.skipif(
        not Path(CHROMIUM).exists() and "CI" not in os.environ,
        reason="needs Debian's chromium: apt-get install chromium",
    ),
]


@asynccontextmanager
async def foreign_site(html: str) -> AsyncIterator[str]:
    """A site of somebody else's on this machine; gives its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = html.encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {len(body)}\r\n"
        writer.write(head.encode() + b"connection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://stuffing.localhost:{server.sockets[0].getsockname()[1]}"


@pytest_asyncio.fixture(loop_scope="package")
async def browser() -> AsyncIterator[BrowserContext]:
    """A fresh Chromium that runs scripts: it is the foreign page's turn."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield await chromium.new_context(locale="en-GB")
        await chromium.close()


async def _clicks(market: Market) -> int:
    number: int = await market.world.owner.fetchval(
        "select coalesce(sum(clicks), 0)::int from affiliate_days"
    )
    return number


async def _kept(browser: BrowserContext) -> list[str]:
    return [one["name"] for one in await browser.cookies() if "click" in one["name"]]


async def test_a_frame_a_picture_and_a_script_set_no_click_and_a_visit_does(
    market: Market, browser: BrowserContext
) -> None:
    stall = await market.stall(keys=1)
    await market.world.affiliate("star", shop=stall.shop)
    link = f"http://{stall.shop.host}:{market.platform.api_port}/a/star"

    html = f"""<title>stuffing</title><img src="{link}"><iframe src="{link}"></iframe>
        <script src="{link}"></script><object data="{link}"></object>
        <link rel="prefetch" href="{link}"><a href="{link}">the shop</a>
        <script>fetch("{link}", {{mode: "no-cors", credentials: "include"}})</script>"""
    async with foreign_site(html) as address:
        page = await browser.new_page()
        answers: list[str] = []
        page.on("response", lambda answer: answers.append(answer.url))
        await page.goto(address)
        await page.wait_for_load_state("networkidle")
        assert link in answers  # it was asked for in passing
        assert await _kept(browser) == []
        assert await _clicks(market) == 0
        await page.get_by_role("link", name="the shop").click()
        await page.wait_for_url(link.removesuffix("a/star"))
    (kept,) = [one for one in await browser.cookies() if "click" in one["name"]]
    assert kept["httpOnly"]
    assert kept["sameSite"] == "Lax"
    assert kept["domain"] == stall.shop.host  # of this shop, and of no other
    assert await page.evaluate("document.cookie") == ""
    await until(lambda: _clicks(market), lambda number: number == 1)
