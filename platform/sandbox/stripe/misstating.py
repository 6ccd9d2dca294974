"""What the provider's statement says wrongly, for whoever has to notice it."""

from pydantic import BaseModel, ConfigDict, Field

from sandbox.stripe.errors import NoSuchObject
from sandbox.stripe.ids import new_id
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work


class Misstatement(BaseModel):
    """What becomes of the entry of `source` (a charge, a refund …, or a payment intent): it is
    dropped, or doubled, or said with other values, or that much later."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    drop: bool = False
    double: bool = False
    amount: int | None = None
    fee: int | None = None
    currency: str | None = None
    delay_seconds: int = Field(default=0, ge=0, le=864_000)


def misstate(work: Work, wrong: Misstatement) -> Json:
    """Change the entry of a source for good; it is given as it was before.

    Raises NoSuchObject for a source that moved nothing.
    """
    entry = _entry_of(work, wrong.source)
    if wrong.drop:
        work.store.forget(entry["id"])
    elif wrong.double:
        work.store.insert({**entry, "id": new_id("txn_3")})
    else:
        _restate(work, entry, wrong)
    return entry


def _restate(work: Work, entry: Json, wrong: Misstatement) -> None:
    said = {
        "amount": entry["amount"] if wrong.amount is None else wrong.amount,
        "fee": entry["fee"] if wrong.fee is None else wrong.fee,
        "currency": wrong.currency or entry["currency"],
        "created": entry["created"] + wrong.delay_seconds,
    }
    work.store.forget(entry["id"])
    work.store.insert({**entry, **said, "net": said["amount"] - said["fee"]})


def _entry_of(work: Work, source: str) -> Json:
    intent = work.store.find(kind="payment_intent", object_id=source)
    wanted = intent["latest_charge"] if intent else source
    rows = work.store.rows(
        "SELECT id FROM objects WHERE kind = 'balance_transaction' AND source_id = ?"
        " ORDER BY seq LIMIT 1",
        wanted,
    )
    if not rows:
        raise NoSuchObject(kind="balance_transaction", object_id=source, param="source")
    return work.store.get(kind="balance_transaction", object_id=rows[0]["id"])
