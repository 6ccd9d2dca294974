"""The platform's bank in tests: statements that come, and what an operator decides."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import pytest

from billing.bank import files, importing
from kernel.clear_codes import in_groups
from kernel.ids import new_id
from kernel.settings import settings
from orders.bank import matching
from world import ShopAt

OPERATOR = "operator:test"
ACCOUNTS = "CNY=Kameng|Bank of Demo|6222 0001"


@contextmanager
def platform_has_an_account() -> Iterator[None]:
    """Transfers in CNY can be made until the block ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAMENG_BANK_ACCOUNTS", ACCOUNTS)
        settings.cache_clear()
        yield
    settings.cache_clear()


async def takes_transfers(owner: asyncpg.Connection, shop: ShopAt) -> None:
    """Let a shop take transfers for goods."""
    await owner.execute(
        "update tenants set payment_methods = payment_methods || '{BANK_TRANSFER}' where id = $1",
        shop.id,
    )


@dataclass
class Bank:
    """A statement that grows line by line, and is sent as it stands."""

    owner: asyncpg.Connection
    lines: list[str] = field(default_factory=list)

    def comes(
        self, amount: str, message: str = "", *, bank_id: str | None = None, currency: str = "CNY"
    ) -> str:
        """A transfer is on the next statement; gives the bank's id of it."""
        bank_id = bank_id or f"b-{new_id().hex[-20:]}"
        self.lines.append(f"{bank_id},2026-07-01,{amount},{currency},买家,6222 9,{message}")
        return bank_id

    async def sent(self) -> files.StatementFile:
        """Send the statement, have it imported and its lines looked at."""
        imported = await self.imported()
        await matching.match_new_lines()
        return imported

    async def imported(self) -> files.StatementFile:
        """Send the statement and have it imported."""
        ticket = await files.issue_ticket(OPERATOR)
        content = "id,date,amount,currency,name,account,message\n" + "\n".join(self.lines)
        await files.keep_statement(ticket.token, content.encode())
        while await importing.import_statements():
            pass
        return await files.statement_file(ticket.file_id)

    async def line_id(self, bank_id: str) -> UUID:
        """Our id of a line."""
        found: UUID = await self.owner.fetchval(
            "select id from bank_lines where bank_id = $1", bank_id
        )
        return found

    async def state(self, bank_id: str) -> str:
        """What has become of a line."""
        found: str = await self.owner.fetchval(
            "select state from bank_lines where bank_id = $1", bank_id
        )
        return found

    async def reference(self, payment_id: UUID) -> str:
        """What the buyer types: the reference in groups."""
        reference: str = await self.owner.fetchval(
            "select provider_ref from payments where id = $1", payment_id
        )
        return in_groups(reference)

    async def status_of(self, payment_id: UUID) -> str:
        """How far a payment is."""
        found: str = await self.owner.fetchval(
            "select status from payments where id = $1", payment_id
        )
        return found

    async def owed(self) -> list[UUID]:
        """The transfers back that are due."""
        rows = await self.owner.fetch("select id from bank_refunds where state = 'DUE' order by id")
        return [row["id"] for row in rows]
