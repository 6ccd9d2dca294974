"""E12 of the domain, by its numbers: 500.00 with a fee of 2.00."""

from collections import Counter
from uuid import UUID

from billing import accounts
from billing.ledger import Entry
from billing.postings import payouts

PARTY = UUID(int=7)


def sums(*steps: list[Entry]) -> dict[str, int]:
    """What steps leave behind, credits positive."""
    held: Counter[str] = Counter()
    for step in steps:
        assert sum(entry.amount_minor for entry in step) == 0
        for entry in step:
            held[entry.account.code] -= entry.amount_minor
    return {code: amount for code, amount in held.items() if amount}


def test_a_payout_of_500_with_a_fee_of_2_is_reserved_sent_and_confirmed() -> None:
    asked = payouts.reserved(PARTY, "CNY", amount_minor=50_000)
    sent = payouts.sent(PARTY, "CNY", amount_minor=50_000, fee_minor=200)
    bank = accounts.bank("CNY")
    paid = payouts.confirmed(bank, amount_minor=50_000, fee_minor=200)

    assert sums(asked) == {"L:PARTY:AVAILABLE": -50_000, "L:PARTY:RESERVED": 50_000}
    assert sums(sent) == {
        "L:PARTY:RESERVED": -50_000,
        "L:PAYOUT_CLEARING": 49_800,
        "R:PAYOUT_FEE": 200,
    }
    assert sums(paid) == {"L:PAYOUT_CLEARING": -49_800, "A:BANK": 49_800}
    assert sums(asked, sent, paid) == {
        "L:PARTY:AVAILABLE": -50_000,
        "R:PAYOUT_FEE": 200,
        "A:BANK": 49_800,
    }


def test_what_comes_back_leaves_nothing_behind_at_whichever_step_it_does() -> None:
    asked = payouts.reserved(PARTY, "CNY", amount_minor=50_000)
    sent = payouts.sent(PARTY, "CNY", amount_minor=50_000, fee_minor=200)
    bank = accounts.bank("CNY")
    paid = payouts.confirmed(bank, amount_minor=50_000, fee_minor=200)
    clearing = accounts.payout_clearing("CNY")

    released = payouts.released(PARTY, "CNY", amount_minor=50_000, debt_minor=0)
    assert sums(asked, released) == {}
    failed = payouts.returned(PARTY, clearing, amount_minor=50_000, fee_minor=200, debt_minor=0)
    assert sums(asked, sent, failed) == {}
    returned = payouts.returned(PARTY, bank, amount_minor=50_000, fee_minor=200, debt_minor=0)
    assert sums(asked, sent, paid, returned) == {}


def test_what_comes_back_repays_a_debt_first() -> None:
    asked = payouts.reserved(PARTY, "CNY", amount_minor=50_000)
    released = payouts.released(PARTY, "CNY", amount_minor=50_000, debt_minor=300)

    assert sums(asked, released) == {"L:PARTY:AVAILABLE": -300, "A:RECV": 300}


def test_without_a_fee_no_leg_of_zero_is_written() -> None:
    sent = payouts.sent(PARTY, "CNY", amount_minor=50_000, fee_minor=0)

    assert all(entry.amount_minor for entry in sent)
    assert len(sent) == 2
