"""Bad input of whoever asks for a statement as a file."""

from datetime import timedelta
from typing import Any, Final

from bad_input.rows import MALFORMED, REFUSED, UNKNOWN, Bad, of_any_key, other_kind
from kernel.clock import utc_now
from kernel.ids import new_id, public_id


def _ago(**back: float) -> Any:
    return lambda _: (utc_now() - timedelta(**back)).isoformat()


STATEMENTS: Final = [
    *of_any_key("statementAsk"),
    Bad("statementAsk", "an end before its beginning", REFUSED, {"from": _ago(minutes=20)}),
    Bad("statementAsk", "a beginning long ago", REFUSED, {"from": _ago(days=401)}),
    Bad("statementAsk", "an end that is not settled", REFUSED, {"to": _ago(minutes=5)}),
    Bad("statementAsk", "an end to come", REFUSED, {"to": _ago(days=-1)}),
    Bad("statementAsk", "a time without its zone", REFUSED, {"from": "2026-01-01T00:00:00"}),
    Bad("statementAsk", "a time before all times", REFUSED, {"from": "0001-01-01T00:00:00+14:00"}),
    Bad("statementAsk", "no time", MALFORMED, {"to": "yesterday"}),
    Bad("statementAsk", "another format", MALFORMED, {"format": "DOC"}),
    Bad("statementAsk", "no currency", REFUSED, {"currency": "YUAN"}),
    Bad("statementAsk", "an empty currency", REFUSED, {"currency": ""}),
    Bad("statementAsk", "another shop", UNKNOWN,
        {"partyId": lambda ask: public_id("ten", ask.town.at("rival").shop.id)}),
    Bad("statementAsk", "a supplier", UNKNOWN,
        {"partyId": lambda ask: public_id("sup", ask.town.goods.supplier_id)}),
    Bad("statementAsk", "no such party", UNKNOWN,
        {"partyId": lambda _: public_id("aff", new_id())}),
    Bad("statementAsk", "an id of another kind", UNKNOWN, {"partyId": other_kind}),
]  # fmt: skip
