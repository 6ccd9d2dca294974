"""Are the codes real? After a run some of what was sold is opened, as its buyers would."""

from collections.abc import Sequence
from typing import Final

import asyncpg
import httpx

from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.load import documents
from entrypoints.bench.load.answers import WrongAnswer, check
from entrypoints.bench.load.questions import Question
from entrypoints.bench.market.records import BenchBuyer
from entrypoints.bench.market.sealed_keys import SERIAL

OPENED: Final = 8

_SOLD: Final = """
select orders.no, orders.customer_id, sealed.commitment
from sealed_keys sealed
join keys on keys.id = sealed.id
join delivered_keys delivered on delivered.key_id = keys.id
join orders on orders.id = delivered.order_id
where starts_with(sealed.serial, $1) and keys.status = 'SOLD' and orders.customer_id = any ($2)
limit $3
"""


async def open_some(owner: asyncpg.Connection, buyers: Sequence[BenchBuyer], *, port: int) -> int:
    """Open keys that were sold and compare them with what was committed to.

    Returns how many. Raises `BenchFailed` when one is not what was promised, or none was sold
    that can be opened.
    """
    by_id = {buyer.id: buyer for buyer in buyers}
    sold = await owner.fetch(_SOLD, SERIAL, list(by_id), OPENED)
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        for row in sold:
            asked = _question(by_id[row["customer_id"]], row["no"], row["commitment"].hex())
            answer = await http.post(
                f"http://127.0.0.1:{port}/graphql", json=asked.body, headers=asked.headers
            )
            try:
                check(asked, answer.json())
            except WrongAnswer as wrong:
                raise BenchFailed(f"A sold key cannot be opened: {wrong}") from wrong
    if not sold:
        raise BenchFailed("Nothing was sold that can be opened.")
    return len(sold)


def _question(buyer: BenchBuyer, order_no: str, commitment: str) -> Question:
    return Question(
        "revealed",
        buyer.shop.host,
        documents.KEY_REVEAL,
        {"input": {"orderNo": order_no}},
        {"commitment": commitment},
        buyer.token,
    )
