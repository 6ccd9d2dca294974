"""Statements: what a party had, what moved, and what it has; as pages, and as files."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from bookkeeping.statements import files
from bookkeeping.statements.lines import statement_page
from bookkeeping.statements.parties import Party, party_of, unknown_party
from bookkeeping.statements.periods import Period, settled_period
from bookkeeping.statements.summing import summaries
from bookkeeping.statements.writers import StatementFormat
from identity.models import TokenKind
from kernel.ids import parse_id
from orders.split import PartyKind
from schema.connections import PageInfo
from schema.context import Context, Info
from schema.inputs import moment_in
from schema.look_ahead import arguments_below
from schema.problems import Problem, Refusals
from schema.statement_types import (
    StatementAccount,
    StatementAsked,
    StatementAskPayload,
    StatementFile,
    StatementFilePayload,
    StatementFiles,
    StatementFilesPayload,
    StatementLineConnection,
    StatementLineEdge,
    account_type,
    file_type,
    line_type,
)

_PREFIXES = {"ten": PartyKind.TENANT, "sup": PartyKind.SUPPLIER, "aff": PartyKind.AFFILIATE}
Page = tuple[int | None, str | None]
"""Of the lines: `first` and `after`, as they are asked for."""
_OF_TOKEN = {TokenKind.SUPPLIER: PartyKind.SUPPLIER, TokenKind.AFFILIATE: PartyKind.AFFILIATE}


@strawberry.type(description="A party's accounts over a period, and page by page what moved them.")
class Statement:
    """`lines` are the oldest first; the amounts of an account's lines are what lies between its
    opening and its closing. Every page that is asked for is read with the statement."""

    since: datetime
    until: datetime
    currency: str
    accounts: list[StatementAccount] = strawberry.field(metadata={"assumed_size": 11})
    pages: strawberry.Private[Mapping[Page, StatementLineConnection]]

    @strawberry.field(description="What moved the accounts.")
    def lines(self, first: int | None = None, after: str | None = None) -> StatementLineConnection:
        """Give a page that was read."""
        return self.pages[first, after]


StatementPayload = Annotated[Statement | Problem, strawberry.union("StatementPayload")]


@strawberry.input
class StatementAskInput:
    """From a time up to another, at most 400 days; the end lies at least ten minutes back. Days and
    times in the file have the offset of `from`. `partyId` is for operators."""

    since: datetime = strawberry.field(name="from")
    until: datetime = strawberry.field(name="to")
    format: StatementFormat
    idempotency_key: strawberry.ID
    currency: str | None = None
    party_id: strawberry.ID | None = None


@strawberry.type
class StatementQuery:
    """Reading statements."""

    @strawberry.field(
        description="The caller's own statement, from a time up to another; an operator names the "
        "party, or asks about the shop at this address.",
        extensions=[Refusals()],
    )
    async def statement(
        self,
        info: Info,
        since: Annotated[datetime, strawberry.argument(name="from")],
        until: Annotated[datetime, strawberry.argument(name="to")],
        currency: str | None = None,
        party_id: strawberry.ID | None = None,
    ) -> StatementPayload:
        """Sum up a period."""
        context = info.context
        party = await _party(context, party_id)
        period = await _period(party, currency, since, until)
        accounts = await summaries(period)
        asked = {(one.get("first"), one.get("after")) for one in arguments_below(info, "lines")}
        return Statement(
            since=period.since,
            until=period.until,
            currency=period.currency,
            accounts=[account_type(one, context, period.currency) for one in accounts],
            pages={page: await _lines(context, period, page) for page in asked},
        )

    @strawberry.field(
        description="How far a statement's file has got, and where to fetch it.",
        extensions=[Refusals()],
    )
    async def statement_file(self, info: Info, id: strawberry.ID) -> StatementFilePayload:
        """Read a file's row."""
        file_id = parse_id("stm", id, field="id")
        context = info.context
        party = await _party_of_file(context, file_id)
        return await _file_type(context, party, await files.statement_file(party, file_id))

    @strawberry.field(
        description="The caller's own files, the newest first; an operator names the party, or "
        "asks about the shop at this address.",
        extensions=[Refusals()],
    )
    async def statement_files(
        self, info: Info, party_id: strawberry.ID | None = None, first: int = 20
    ) -> StatementFilesPayload:
        """Read a party's files."""
        party = await _party(info.context, party_id)
        found = await files.statement_files(party, first=first)
        return StatementFiles(files=[file_type(one, url=None, url_ends_at=None) for one in found])


@strawberry.type
class StatementMutation:
    """Asking for statements as files."""

    @strawberry.mutation(
        description="Have a statement made as a file; the same request again is the same file.",
        extensions=[Refusals()],
    )
    async def statement_ask(self, info: Info, input: StatementAskInput) -> StatementAskPayload:
        """Ask for a file."""
        context = info.context
        party = await _party(context, input.party_id)
        period = await _period(party, input.currency, input.since, input.until)
        file = await files.ask_file(
            period,
            file_format=input.format,
            english=context.english,
            actor=context.actor,
            request_key=input.idempotency_key,
        )
        return StatementAsked(file=await _file_type(context, party, file))


async def _lines(context: Context, period: Period, page: Page) -> StatementLineConnection:
    """Read a page of lines."""
    first, after = page
    found = await statement_page(period, first=first, after=after)
    edges = [
        StatementLineEdge(cursor=cursor, node=line_type(line, context, period.currency))
        for line, cursor in zip(found.lines, found.cursors, strict=True)
    ]
    end = found.cursors[-1] if found.cursors else None
    return StatementLineConnection(
        edges=edges, page_info=PageInfo(has_next_page=found.has_next, end_cursor=end)
    )


async def _period(party: Party, currency: str | None, since: datetime, until: datetime) -> Period:
    for field, moment in (("from", since), ("to", until)):
        moment_in(moment, field=field)
    return await settled_period(party, currency=currency, since=since, until=until)


async def _party(context: Context, party_id: str | None) -> Party:
    """Whose statement is asked for; what is named must be the caller's own, or the caller an
    operator."""
    own = _own(context)
    if party_id is None:
        return await party_of(*own)
    prefix = party_id.rpartition("_")[0]
    if prefix not in _PREFIXES:
        raise unknown_party()
    named = _PREFIXES[prefix], parse_id(prefix, party_id, field="partyId")
    if named != own and not context.is_operator:
        raise unknown_party()
    return await party_of(*named)


def _own(context: Context) -> tuple[PartyKind, UUID]:
    assert context.caller is not None  # the role × field table lets nobody else in
    kind = _OF_TOKEN.get(context.caller.kind)
    if kind is None:
        return PartyKind.TENANT, context.shop.id
    return kind, context.caller.principal_id


async def _party_of_file(context: Context, file_id: UUID) -> Party:
    """The caller, or for an operator whoever the file is about."""
    if not context.is_operator:
        return await party_of(*_own(context))
    kind, party_id = await files.files_party(file_id)
    return await party_of(PartyKind(kind), party_id)


async def _file_type(context: Context, party: Party, file: files.StatementFile) -> StatementFile:
    if file.state is not files.FileState.DONE:
        return file_type(file, url=None, url_ends_at=None)
    token, ends_at = await files.sign_address(context.shop, party, file.id)
    url = f"{context.origin}/statements/{token}"
    return file_type(file, url=url, url_ends_at=ends_at)
