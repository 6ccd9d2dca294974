"""A year of a large shop: a hundred thousand orders become a file in bounded memory."""

import gc
import os
import time
from pathlib import Path

import pytest

from bookkeeping.statements import files, making
from bookkeeping.statements.summing import summaries
from bookkeeping.statements.writers import StatementFormat
from earnings_books import sold
from sales import SalesDesk
from statement_desk import an_hour_passes, ask, whole_period

ORDERS = 100_000
MOST_GROWTH_BYTES = 64 * 1024 * 1024

#: Copies of one sale under other ids: its order, line, shares, and what the ledger wrote of it.
_COPY = """
do $copy$ begin
create temporary table copy as
    select number, gen_random_uuid() as order_id, gen_random_uuid() as line_id,
           gen_random_uuid() as posting_id,
           platform_now() - interval '390 days' + number * interval '4 minutes' as moment
    from generate_series(1, {orders}) as number;
create temporary table an_order as select * from orders where id = '{order}';
create temporary table a_line as select * from order_lines where order_id = '{order}';
create temporary table a_share as select * from line_shares where order_id = '{order}';
create temporary table a_posting as
    select * from ledger_transactions where order_id = '{order}' and kind = 'SALE';
create temporary table an_entry as
    select entry.* from ledger_entries entry join a_posting on a_posting.id = transaction_id;
end $copy$;
"""


def resident_bytes() -> int:
    """What this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def forget_peak() -> None:
    """Let the kernel begin anew to note the most memory that this process has."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """The most that it has had since then."""
    status = Path("/proc/self/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


async def plant_year(desk: SalesDesk) -> None:
    """Sell once, and copy the rows behind the back of every trigger."""
    order = await sold(desk)
    owner = desk.owner
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        await owner.execute(_COPY.format(orders=ORDERS, order=order.id))
        generated = await owner.fetch(
            """select table_name, string_agg(format('%I', column_name), ', ') as names
               from information_schema.columns
               where table_schema = 'public' and is_generated = 'NEVER'
                 and table_name in ('orders', 'order_lines', 'line_shares', 'ledger_transactions',
                                    'ledger_entries')
               group by table_name"""
        )
        names = {row["table_name"]: row["names"] for row in generated}
        for table, source, values in (
            ("orders", "an_order", {
                "id": "copy.order_id",
                "no": "'K20260101-' || upper(lpad(to_hex(copy.number), 10, '0'))",
            }),
            ("order_lines", "a_line", {"id": "copy.line_id", "order_id": "copy.order_id"}),
            ("line_shares", "a_share", {
                "id": "gen_random_uuid()", "line_id": "copy.line_id", "order_id": "copy.order_id",
            }),
            ("ledger_transactions", "a_posting", {
                "id": "copy.posting_id", "order_id": "copy.order_id",
                "idempotency_key": "'sale:' || copy.order_id", "posted_at": "copy.moment",
            }),
            ("ledger_entries", "an_entry", {
                "id": "nextval('ledger_entries_id_seq')", "transaction_id": "copy.posting_id",
            }),
        ):  # fmt: skip
            columns = names[table].split(", ")
            chosen = ", ".join(values.get(name, f"source.{name}") for name in columns)
            await owner.execute(
                f"""insert into {table} ({names[table]}) overriding system value
                    select {chosen} from copy cross join {source} as source"""
            )
    await owner.execute("analyze")


@pytest.mark.soak
async def test_a_year_of_a_hundred_thousand_orders_is_a_file_in_bounded_memory(
    desk: SalesDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    await plant_year(desk)
    await an_hour_passes(desk.world)
    period = await whole_period(desk.world, desk.world.shop.id, since_days=399)
    [pending] = await summaries(period)
    assert pending.kinds[0].entries > ORDERS
    for file_format in StatementFormat:
        file = await ask(period, file_format)
        gc.collect()
        forget_peak()
        before, began = resident_bytes(), time.monotonic()
        assert await making.make_statements() == 1
        seconds, growth = time.monotonic() - began, peak_bytes() - before
        done = await files.statement_file(period.party, file.id)
        with capsys.disabled():
            print(
                f"\n{file_format}: {done.rows_done} lines, {done.size_bytes} bytes,"
                f" {seconds:.1f} s, {growth / 2**20:.1f} MB more"
            )
        assert done.rows_done >= 2 * ORDERS
        assert growth < MOST_GROWTH_BYTES
