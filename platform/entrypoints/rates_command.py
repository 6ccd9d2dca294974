"""`kameng rates`: a file of exchange rates, set by whoever has a terminal."""

import asyncio
from pathlib import Path
from typing import Final

import asyncpg
from rich.console import Console
from rich.markup import escape
from tortoise.exceptions import DBConnectionError

from exchange.arithmetic import written_rate
from exchange.files import rates_of_file
from exchange.setting import SetRate, set_rates
from kernel import db
from kernel.errors import Refusal
from kernel.settings import settings

ACTOR: Final = "operator:terminal"
EXIT_REFUSED: Final = 1
MOST_BYTES: Final = 1024 * 1024
_CONNECTION_LOST = (OSError, DBConnectionError, asyncpg.InterfaceError, asyncpg.PostgresError)


def main(file: Path, *, source: str, confirmed_change_bp: int) -> int:
    """Set the rates of a file, all or none; 1 where one of them is refused."""
    console = Console(highlight=False)
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError("The file is larger than a megabyte.")
        found = asyncio.run(_set(content, source, confirmed_change_bp))
    except Refusal as refused:
        details = "".join(f" {name}={value}" for name, value in refused.details.items())
        console.print(escape(f"{refused}{details}"), style="red")
    except ValueError as refused:
        console.print(escape(str(refused)), style="red")
    except _CONNECTION_LOST as error:
        console.print(f"Cut short: {type(error).__name__}.", style="red")
    else:
        for one in found:
            until = f"{one.fresh_until:%Y-%m-%d %H:%M}"
            console.print(f"{one.base}/{one.quote} {written_rate(one.value)} until {until} UTC")
        return 0
    return EXIT_REFUSED


async def _set(content: bytes, source: str, confirmed_change_bp: int) -> tuple[SetRate, ...]:
    wanted = rates_of_file(content.decode("utf-8-sig"))
    await db.connect(settings())
    try:
        return await set_rates(
            wanted, source=source, actor=ACTOR, confirmed_change_bp=confirmed_change_bp
        )
    finally:
        await db.disconnect()
