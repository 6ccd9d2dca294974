"""The account's balance: what its balance transactions add up to."""

from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work


def available_minor(work: Work, currency: str) -> int:
    """What can be moved out of the balance now, in minor units of a currency."""
    found = retrieve(work)["available"]
    return sum(one["amount"] for one in found if one["currency"] == currency)


def retrieve(work: Work) -> Json:
    """Sum the net of every balance transaction, by currency, minor units."""
    rows = work.store.rows(
        "SELECT json_extract(body, '$.currency') AS currency,"
        " sum(CASE WHEN json_extract(body, '$.available_on') <= ?"
        "     THEN json_extract(body, '$.net') ELSE 0 END) AS available,"
        " sum(CASE WHEN json_extract(body, '$.available_on') > ?"
        "     THEN json_extract(body, '$.net') ELSE 0 END) AS pending"
        " FROM objects WHERE kind = 'balance_transaction' GROUP BY 1 ORDER BY 1",
        work.created,
        work.created,
    )
    return {
        "object": "balance",
        "livemode": False,
        "available": [{"amount": row["available"], "currency": row["currency"]} for row in rows],
        "pending": [{"amount": row["pending"], "currency": row["currency"]} for row in rows],
    }
