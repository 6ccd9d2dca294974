"""Everything that moves a party's money has words, and every account of a party is shown."""

import ast
import inspect
from pathlib import Path

from billing import accounts, ledger
from bookkeeping.statements.party_accounts import PARTY_ACCOUNTS, AccountName
from bookkeeping.statements.words import KINDS, words_of
from bookkeeping.statements.writers.fitting import fitting
from forks import ROOT

#: What moves nobody's money but buyers' and the platform's own.
_OF_NO_PARTY = {
    "REFUND_SENT",
    "WALLET_HOLD",
    "WALLET_VOID",
    "BANK_ARRIVAL",
    "BANK_RETURN",
    "E16_FX_REVALUED",
    "E16_FX_SETTLED",
}


def posted_kinds(file: Path) -> set[str]:
    """The kinds that a file gives to the ledger in plain words."""
    text = file.read_text(encoding="utf-8")
    if 'kind="' not in text:
        return set()
    return {
        keyword.value.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("ledger.post", "ledger.posting", "post", "posting")
        for keyword in node.keywords
        if keyword.arg == "kind"
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, str)
    }


def test_every_kind_of_posting_has_words_in_both_languages() -> None:
    posted = {kind for file in (ROOT / "platform").rglob("*.py") for kind in posted_kinds(file)}
    assert {"SALE", "E6_MATURITY", "E7_REFUND"} <= posted
    assert posted - _OF_NO_PARTY - set(KINDS) == set()
    assert words_of("SALE", "SHARE", "SUPPLY", english=False) == "销售（供货款）"
    assert words_of("SALE", "SHARE", "SUPPLY", english=True) == "Sale, supply"
    assert words_of("SALE", "CHANNEL_FEE", "SHOP_MARGIN", english=True) == "Channel's fee"
    assert words_of("NEW", "ENTRY", None, english=True) == "NEW"


def test_every_account_of_a_party_is_in_its_statement() -> None:
    owned = {
        function
        for name, function in inspect.getmembers(accounts, inspect.isfunction)
        if function.__module__ == accounts.__name__
        and next(iter(inspect.signature(function).parameters)) in ("party_id", "tenant_id")
        and inspect.signature(function).return_annotation is ledger.Account
    }
    assert owned == {account.of for account in PARTY_ACCOUNTS}
    assert [account.name for account in PARTY_ACCOUNTS] == list(AccountName)


def test_a_text_that_is_too_wide_ends_in_an_ellipsis() -> None:
    assert fitting("12345", len, 5) == "12345"
    assert fitting("123456", len, 5) == "1234…"
    assert fitting("123456", len, 0) == "…"
