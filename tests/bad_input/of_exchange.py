"""Bad input of operators who set exchange rates."""

from typing import Final

from bad_input.rows import MALFORMED, REFUSED, Bad

EXCHANGE: Final = [
    Bad("fxRateSet", "no rate", REFUSED, {"rate": ""}),
    Bad("fxRateSet", "a word", REFUSED, {"rate": "NaN"}),
    Bad("fxRateSet", "an exponent", REFUSED, {"rate": "1e3"}),
    Bad("fxRateSet", "nothing at all", REFUSED, {"rate": "0"}),
    Bad("fxRateSet", "less than nothing", REFUSED, {"rate": "-7.1"}),
    Bad("fxRateSet", "thirteen digits", REFUSED, {"rate": "7.123456789012"}),
    Bad("fxRateSet", "digits of another script", REFUSED, {"rate": "７.1"}),
    Bad("fxRateSet", "a float", MALFORMED, {"rate": 7.1}),
    Bad("fxRateSet", "no such currency", REFUSED, {"base": "ABC"}),
    Bad("fxRateSet", "gold", REFUSED, {"quote": "XAU"}),
    Bad("fxRateSet", "a currency in itself", REFUSED, {"base": "CNY"}),
    Bad("fxRateSet", "no source", REFUSED, {"source": " "}),
    Bad("fxRateSet", "a source of 101 characters", REFUSED, {"source": "s" * 101}),
    Bad("fxRateSet", "of the future", REFUSED, {"takenAt": "2999-01-01T00:00:00Z"}),
    Bad("fxRateSet", "of long ago", REFUSED, {"takenAt": "2001-01-01T00:00:00Z"}),
    Bad("fxRateSet", "a time without a zone", REFUSED, {"takenAt": "2026-01-01T00:00:00"}),
    Bad("fxRateSet", "a change below nothing", REFUSED, {"confirmChangeBp": -1}),
    Bad("fxRateSet", "any change", REFUSED, {"confirmChangeBp": 1_000_001}),
    Bad("fxRateSet", "a shop's own staff", {"FORBIDDEN"}, by="STAFF_OWNER"),
    Bad("fxRevalue", "no such currency", REFUSED, {"base": "ABC"}),
    Bad("fxRevalue", "a currency in itself", REFUSED, {"base": "CNY"}),
    Bad("fxRevalue", "a shop's own staff", {"FORBIDDEN"}, by="STAFF_OWNER"),
]  # fmt: skip
