"""Corrections of the ledger by hand: one operator proposes, another one decides."""

from datetime import datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from bookkeeping import adjustments
from bookkeeping.adjusted_accounts import AdjustedAccount, AdjustedSide
from bookkeeping.adjustments import Adjustment, AdjustmentMove
from kernel.errors import Invalid
from kernel.ids import parse_id, public_id
from schema.connections import PageInfo
from schema.context import Info
from schema.money import MinorUnits, Money, amount
from schema.problems import Problem, Refusals

_KIND = "adj"
strawberry.enum(AdjustedAccount, name="LedgerAdjustAccount")


@strawberry.enum
class LedgerSide(Enum):
    """The side of an account: a debit adds to an asset or a cost, a credit to a liability."""

    DEBIT = "DEBIT"
    CREDIT = "CREDIT"


@strawberry.enum
class LedgerAdjustmentState(Enum):
    """What became of a correction."""

    PROPOSED = "PROPOSED"
    POSTED = "POSTED"
    REJECTED = "REJECTED"


@strawberry.input
class LedgerMoveInput:
    """So much is debited to one account and credited to another. A shop's, supplier's or
    affiliate's account names the party; the platform's own do not."""

    debit: AdjustedAccount
    credit: AdjustedAccount
    amount_minor: MinorUnits
    debit_party_id: strawberry.ID | None = None
    credit_party_id: strawberry.ID | None = None


@strawberry.input
class LedgerAdjustInput:
    """1 to 10 moves in one currency, and why."""

    currency: str
    moves: list[LedgerMoveInput]
    reason: str
    idempotency_key: strawberry.ID


@strawberry.input
class LedgerAdjustDecideInput:
    """`post` moves the money; without it the correction is rejected."""

    id: strawberry.ID
    post: bool


@strawberry.type
class LedgerAdjustmentLine:
    """One leg: the account by its code, its party, and the amount on its side."""

    account: str
    party_id: strawberry.ID | None
    side: LedgerSide
    amount: Money


@strawberry.type
class LedgerAdjustment:
    """A correction, who proposed it, and who has decided."""

    id: strawberry.ID
    lines: list[LedgerAdjustmentLine] = strawberry.field(metadata={"assumed_size": 4})
    reason: str
    state: LedgerAdjustmentState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


@strawberry.type
class LedgerAdjustmentEdge:
    """A correction and the cursor that continues after it."""

    cursor: str
    node: LedgerAdjustment


@strawberry.type
class LedgerAdjustmentConnection:
    """A page of corrections, the newest first."""

    edges: list[LedgerAdjustmentEdge]
    page_info: PageInfo


@strawberry.type
class LedgerAdjusted:
    """The correction after the step."""

    adjustment: LedgerAdjustment


LedgerAdjustPayload = Annotated[LedgerAdjusted | Problem, strawberry.union("LedgerAdjustPayload")]


@strawberry.type
class AdjustmentQuery:
    """Corrections of the ledger."""

    @strawberry.field(description="Corrections of the ledger by hand, the newest first.")
    async def ledger_adjustments(
        self,
        info: Info,
        state: LedgerAdjustmentState | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> LedgerAdjustmentConnection:
        """Read a page of corrections."""
        page = await adjustments.adjustments_page(
            state=state.value if state else None, first=first, after=after
        )
        edges = [
            LedgerAdjustmentEdge(cursor=cursor, node=_adjustment(one))
            for one, cursor in zip(page.rows, page.cursors, strict=True)
        ]
        end = page.cursors[-1] if page.cursors else None
        return LedgerAdjustmentConnection(
            edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
        )


@strawberry.type
class AdjustmentMutation:
    """Correcting the ledger takes two people."""

    @strawberry.mutation(description="Propose a correction.", extensions=[Refusals()])
    async def ledger_adjust(self, info: Info, input: LedgerAdjustInput) -> LedgerAdjustPayload:
        """Write the proposal down; nothing moves."""
        context = info.context
        proposed = await adjustments.propose(
            root_id=context.shop.path[0],
            actor=context.actor,
            currency=_currency(input.currency),
            moves=[_move(move) for move in input.moves],
            reason=input.reason,
            idempotency_key=input.idempotency_key,
        )
        return LedgerAdjusted(adjustment=_adjustment(proposed))

    @strawberry.mutation(
        description="Post or reject a correction that somebody else has proposed.",
        extensions=[Refusals()],
    )
    async def ledger_adjust_decide(
        self, info: Info, input: LedgerAdjustDecideInput
    ) -> LedgerAdjustPayload:
        """Decide about a correction, once."""
        decided = await adjustments.decide(
            adjustment_id=parse_id(_KIND, input.id, field="id"),
            actor=info.context.actor,
            post=input.post,
        )
        return LedgerAdjusted(adjustment=_adjustment(decided))


def _currency(code: str) -> str:
    if len(code) != 3 or not (code.isascii() and code.isalpha() and code.isupper()):
        raise Invalid("A currency is three capital letters.", field="currency")
    return code


def _move(move: LedgerMoveInput) -> AdjustmentMove:
    return AdjustmentMove(
        AdjustedSide(move.debit, _party(move.debit_party_id, field="debitPartyId")),
        AdjustedSide(move.credit, _party(move.credit_party_id, field="creditPartyId")),
        move.amount_minor,
    )


_PARTIES = ("ten", "sup", "aff", "pty")


def _party(text: str | None, *, field: str) -> UUID | None:
    if text is None:
        return None
    kind = text.partition("_")[0]
    return parse_id(kind if kind in _PARTIES else _PARTIES[0], text, field=field)


def _adjustment(one: Adjustment) -> LedgerAdjustment:
    return LedgerAdjustment(
        id=strawberry.ID(public_id(_KIND, one.id)),
        lines=[
            LedgerAdjustmentLine(
                account=entry.account.code,
                party_id=None
                if entry.account.owner_id is None
                else strawberry.ID(public_id("pty", entry.account.owner_id)),
                side=LedgerSide.DEBIT if entry.amount_minor > 0 else LedgerSide.CREDIT,
                amount=amount(abs(entry.amount_minor), one.currency),
            )
            for entry in one.entries
        ],
        reason=one.reason,
        state=LedgerAdjustmentState(one.state),
        proposed_by=one.proposed_by,
        proposed_at=one.proposed_at,
        decided_by=one.decided_by,
        decided_at=one.decided_at,
    )
