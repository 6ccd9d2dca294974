"""Out of which money a refund is paid: pure arithmetic, for any shares and any balances."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billing import accounts
from billing.ledger import Account, Entry
from orders.clawback import Claim
from orders.earnings.drawing import draw_all, drawn_on
from orders.earnings.maturing import maturity
from orders.earnings.rows import Earning

SUPPLIER, T1 = UUID(int=1), UUID(int=2)
PARTIES = (SUPPLIER, T1)
THEN = datetime(2026, 1, 1, tzinfo=UTC)


def an_earning(
    number: int, party_id: UUID, *, pending: int = 0, held: int = 0, available: int = 0
) -> Earning:
    one = UUID(int=number)
    matured = available > 0
    return Earning(
        one, one, one, one, "TENANT", party_id, "CNY", pending, held, available, THEN, 0, matured
    )


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[Earning], dict[Account, int], dict[Account, int]]:
    """Shares, and accounts that hold what they say less what was drawn ahead or paid out."""
    rows = []
    for number in range(draw(st.integers(1, 5))):
        matured = draw(st.booleans())
        left = draw(st.integers(0, 5_000))
        rows.append(
            an_earning(
                number + 10,
                draw(st.sampled_from(PARTIES)),
                pending=0 if matured else left,
                available=left if matured else 0,
                held=draw(st.sampled_from([0, 0, 700])),
            )
        )
    balances: dict[Account, int] = {}
    ahead: dict[Account, int] = {}
    for party_id in PARTIES:
        mine = [row for row in rows if row.party_id == party_id]
        pending = accounts.party_pending(party_id, "CNY")
        said_minor = sum(row.pending_minor for row in mine)
        ahead[pending] = draw(st.integers(0, said_minor))
        balances[pending] = said_minor - ahead[pending]
        balances[accounts.party_held(party_id, "CNY")] = sum(row.held_minor for row in mine)
        balances[accounts.party_available(party_id, "CNY")] = draw(st.integers(-500, 8_000))
        balances[accounts.deposit_free(party_id, "CNY")] = draw(st.integers(0, 3_000))
    return rows, balances, ahead


def some_claims(draw: st.DrawFn, rows: Sequence[Earning]) -> list[Claim]:
    """Of shares, of nobody's in particular, and of the platform."""
    claims = [Claim(None, "SUPPLIER_COMMISSION", 40)]
    for row in rows:
        owed = draw(st.integers(0, row.pending_minor + row.held_minor + row.available_minor + 90))
        claims.append(Claim(row.party_id, "SHOP_MARGIN", owed, share_id=row.share_id))
    for party_id in PARTIES:
        first, earned = draw(st.sampled_from([(False, False), (True, False), (False, True)]))
        owed = draw(st.integers(1, 9_000))
        claims.append(Claim(party_id, "SUPPLY", owed, deposit_first=first, of_earnings=earned))
    return draw(st.permutations([claim for claim in claims if claim.amount_minor]))


@given(st.data())
def test_no_account_is_overdrawn_and_what_is_missing_is_a_debt(data: st.DataObject) -> None:
    rows, balances, ahead = data.draw(scenes())
    claims = data.draw(st.composite(some_claims)(rows))
    held = {account: balances[account] for account in drawn_on(claims, rows, "CNY")}
    drawn = draw_all(claims, currency="CNY", held=held, rows=rows)
    assert sum(entry.amount_minor for entry in drawn.entries) == sum(
        claim.amount_minor for claim in claims
    )
    for account, had in balances.items():
        assert 0 <= _sum(drawn.entries, account) <= max(had, 0)
    for party_id in PARTIES:
        # What is pending and what was drawn ahead are what the shares say, as before.
        mine = [row for row in drawn.rows.values() if row.party_id == party_id]
        pending = accounts.party_pending(party_id, "CNY")
        left_minor = balances[pending] - _sum(drawn.entries, pending)
        ahead_minor = ahead[pending] + drawn.ahead[pending]
        assert ahead_minor >= 0
        assert left_minor + ahead_minor == sum(row.pending_minor for row in mine)
        held_account = accounts.party_held(party_id, "CNY")
        assert balances[held_account] - _sum(drawn.entries, held_account) == sum(
            row.held_minor for row in mine
        )


@given(scenes(), st.integers(0, 4_000))
def test_maturity_makes_good_what_was_drawn_ahead_and_leaves_nothing_behind(
    scene: tuple[list[Earning], dict[Account, int], dict[Account, int]], debt_minor: int
) -> None:
    rows, balances, ahead = scene
    due = [row for row in rows if not row.is_matured]
    owed = {accounts.receivable(party_id, "CNY"): debt_minor for party_id in PARTIES}
    found = maturity(due, ahead=ahead, debts_minor=owed)
    for pending, drawn_ahead_minor in ahead.items():
        # All of the party's shares have matured: its pending account is empty.
        assert balances[pending] - _sum(found.entries, pending) == 0
        assert drawn_ahead_minor + found.ahead[pending] == 0
    for debt in owed:
        assert -debt_minor <= _sum(found.entries, debt) <= 0
    assert sum(entry.amount_minor for entry in found.entries) == 0


def test_a_share_gives_its_own_money_first_and_then_the_rest_of_the_waterfall() -> None:
    row = an_earning(10, T1, pending=100, held=50)
    held = {
        row.held: 50,
        row.pending: 160,  # of which 60 are another share's
        row.available: 30,
        accounts.deposit_free(T1, "CNY"): 20,
    }
    claim = Claim(T1, "AGENT_MARGIN", 300, share_id=row.share_id)
    drawn = draw_all([claim], currency="CNY", held=held, rows=[row])
    taken = [(entry.account.code, entry.amount_minor) for entry in drawn.entries]
    assert taken == [
        ("L:PARTY:HOLD", 50),
        ("L:PARTY:PENDING", 100),
        ("L:PARTY:PENDING", 60),
        ("L:PARTY:AVAILABLE", 30),
        ("L:DEPOSIT:FREE", 20),
        ("A:RECV", 40),
    ]
    assert drawn.ahead[row.pending] == 60


def _sum(entries: Sequence[Entry], account: Account) -> int:
    return sum(entry.amount_minor for entry in entries if entry.account == account)
