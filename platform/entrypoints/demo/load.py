"""The story of loading the demo: goods, shops, people, keys, and what a newcomer is handed."""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from entrypoints.demo.catalogue import load_catalogue
from entrypoints.demo.handout import write_handout
from entrypoints.demo.people import load_customers, load_partners
from entrypoints.demo.records import demo_records
from entrypoints.demo.secret_prices import load_secret_prices
from entrypoints.demo.shops import load_shops, require_own_platform
from entrypoints.demo.stock import TOTAL_KEYS, load_keys, load_places, load_suppliers
from entrypoints.up.progress import Progress
from kernel import db
from kernel.errors import Refusal
from kernel.settings import settings


class NotForProduction(Refusal):
    """The demo's customers share one published password: it is never loaded in production."""


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What there is after a run, and how much of it this run has written."""

    shops: int
    skus: int
    keys: int
    customers: int
    written: int
    """Rows, keys, top-ups and tokens that were missing; 0 when all was there."""
    file: Path
    """Addresses, tokens and a first query."""


def main() -> int:
    """Load the demo, show how it goes, and return the exit code."""
    progress = Progress()
    try:
        summary = asyncio.run(load_demo(progress=progress))
    except Refusal as refusal:
        Progress(Console(stderr=True, highlight=False, markup=False)).fail(refusal.message)
        return 1
    progress.say(
        f"{summary.shops} shops, {summary.skus} SKUs, {summary.keys:,} keys, "
        f"{summary.customers} customers: "
        + (f"{summary.written:,} written." if summary.written else "all were there already.")
    )
    progress.say(f"Addresses, tokens and a first query: {summary.file}")
    return 0


async def load_demo(*, progress: Progress | None = None) -> DemoSummary:
    """Connect, do what `write_demo` does, and disconnect."""
    await db.connect(settings())
    try:
        return await write_demo(progress=progress)
    finally:
        await db.disconnect()


async def write_demo(*, progress: Progress | None = None) -> DemoSummary:
    """Add what the demo lacks, through the pools that are open.

    Run again it writes nothing; a run that was killed is completed by the next. What somebody has
    changed meanwhile stays changed. Raises `NotForProduction`, and `AnotherPlatform` in a database
    with a root of its own, before anything is written.
    """
    if settings().production:
        raise NotForProduction("The demo has published passwords: it is not for production.")
    demo = demo_records()
    await require_own_platform(demo)
    stage = progress.stage if progress is not None else _silence
    with stage("Goods"):
        written = await load_catalogue(demo)
    with stage("Shops and their prices"):
        written += await load_shops(demo)
    with stage("Customers with money"):
        opened, customers = await load_customers(demo)
        written += opened + await load_secret_prices(demo, customers)
    with stage("Staff and partners"):
        written += await load_suppliers(demo) + await load_partners(demo, customers)
    with stage("Keys"):
        written += await load_keys(demo) + await load_places(demo)
    with stage("Tokens"):
        file, issued = await write_handout(demo, customers)
    return DemoSummary(
        shops=len(demo.shops),
        skus=demo.sku_count,
        keys=TOTAL_KEYS,
        customers=len(customers),
        written=written + issued,
        file=file,
    )


def _silence(_title: str) -> AbstractContextManager[None]:
    return nullcontext()
