"""A statement as a PDF to print: the sums, then the lines, or, of very many, what each day made."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from bookkeeping.statements.lines import StatementLine
from bookkeeping.statements.party_accounts import AccountName
from bookkeeping.statements.writers.base import (
    CLOSING,
    COLUMNS,
    OPENING,
    StatementHead,
    StatementWriter,
)
from bookkeeping.statements.writers.fitting import fitting
from kernel.errors import Refusal
from kernel.settings import settings

MOST_LINES: Final = 5_000
DEBIANS_FONT: Final = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
"""Of fonts-wqy-microhei. Droid Sans Fallback has no Latin letters."""
_SHARE: Final = 5
"""The column that is left out on paper: nobody types a share's id."""
_WIDTHS: Final = (34, 26, 48, 48, 61, 30, 30)
_SUM_WIDTHS: Final = (61, 54, 54, 54, 54)
_LINE_HEIGHT: Final = 5.2
_IN, _OUT = ("收入", "In"), ("支出", "Out")
_DAYS: Final = (
    "共 {} 行，超过 {} 行：此处按日汇总，明细请下载 CSV。",
    "There are {} lines, more than {}: here are the sums of each day; take the CSV for the lines.",
)

Align = Literal["L", "R"]


class FontMissing(Refusal):
    """There is no font with Chinese characters to write a PDF with."""

    code = "PDF_FONT_MISSING"


def require_font() -> Path:
    """Where the font is; raises `FontMissing`."""
    path = Path(settings().pdf_font or DEBIANS_FONT)
    if not path.is_file():
        raise FontMissing(
            "A PDF needs a font with Chinese characters: install fonts-wqy-microhei (Debian), "
            "or name one with KAMENG_PDF_FONT. CSV and XLSX need none.",
            field="format",
        )
    return path


class _Paper(FPDF):
    """A4 on its side, with the statement's title and a page number on each page."""

    def __init__(self, head: StatementHead) -> None:
        super().__init__(orientation="landscape", format="A4")
        self._head = head
        self._columns: tuple[Sequence[float], Sequence[str], int] | None = None
        self.set_margin(10)
        self.set_auto_page_break(auto=True, margin=14)
        self.add_font("statement", fname=require_font())
        self.set_font("statement", size=8)

    def header(self) -> None:
        """Whose statement, and when."""
        self.set_font_size(13)
        self.cell(0, 8, self._head.title, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_font_size(8)
        self.cell(0, 6, self._head.about, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._draw_columns()

    def footer(self) -> None:
        """The number of the page, and of how many."""
        self.set_y(-11)
        self.cell(0, 6, f"{self.page_no()} / {{nb}}", align="C")

    def row(self, widths: Sequence[float], texts: Sequence[str], *, amounts: int) -> None:
        """One row of a table; its last cells are `amounts`, to the right."""
        for number, (width, text) in enumerate(zip(widths, texts, strict=True)):
            align: Align = "R" if number >= len(texts) - amounts else "L"
            shown = fitting(text, self.get_string_width, width - 2)
            self.cell(width, _LINE_HEIGHT, shown, align=align)
        self.ln(_LINE_HEIGHT)

    def begin_table(self, widths: Sequence[float], names: Sequence[str], *, amounts: int) -> None:
        """Begin a table; its columns are named here and at the top of each page that follows."""
        self._columns = (widths, names, amounts)
        self._draw_columns()

    def _draw_columns(self) -> None:
        if self._columns is None:
            return
        widths, names, amounts = self._columns
        self.ln(3)
        self.row(widths, names, amounts=amounts)
        self.line(10, self.get_y(), 10 + sum(widths), self.get_y())
        self.ln(1)


class PdfWriter(StatementWriter):
    """Holds at most `MOST_LINES` lines in memory, and the sums of the days."""

    def __init__(self, path: Path, head: StatementHead) -> None:
        require_font()
        super().__init__(path, head)
        self._lines: list[tuple[StatementLine, int]] = []
        self._count = 0
        self._days: dict[tuple[str, AccountName], list[int]] = defaultdict(lambda: [0, 0, 0])

    def write(self, line: StatementLine, balance_minor: int) -> None:
        """Keep one line, and what its account has come to."""
        self._count += 1
        if self._count <= MOST_LINES:
            self._lines.append((line, balance_minor))
        day = self._days[self.head.moment(line.posted_at)[:10], line.account]
        day[line.amount_minor < 0] += line.amount_minor
        day[2] = balance_minor

    def give_up(self) -> None:
        """Forget the lines: nothing is open."""
        self._lines.clear()

    def close(self) -> None:
        """Draw the pages."""
        paper = _Paper(self.head)
        paper.add_page()
        self._sums(paper)
        if self._count <= MOST_LINES:
            self._draw_lines(paper)
        else:
            self._draw_days(paper)
        paper.output(str(self.path))

    def _sums(self, paper: _Paper) -> None:
        head = self.head
        names = [head.word(pair) for pair in (COLUMNS[1], OPENING, _IN, _OUT, CLOSING)]
        paper.begin_table(_SUM_WIDTHS, names, amounts=4)
        for account in head.accounts:
            sums = (account.opening_minor, account.in_minor, -account.out_minor)
            written = [head.written(minor) for minor in (*sums, account.closing_minor)]
            paper.row(_SUM_WIDTHS, [head.account(account.name), *written], amounts=4)

    def _draw_lines(self, paper: _Paper) -> None:
        head = self.head
        names = [head.word(pair) for at, pair in enumerate(COLUMNS) if at != _SHARE]
        paper.begin_table(_WIDTHS, names, amounts=2)
        for line, balance_minor in self._lines:
            texts = (
                head.moment(line.posted_at),
                head.account(line.account),
                head.what(line),
                line.order_no or "",
                head.goods(line),
                head.written(line.amount_minor),
                head.written(balance_minor),
            )
            paper.row(_WIDTHS, texts, amounts=2)

    def _draw_days(self, paper: _Paper) -> None:
        head = self.head
        paper.ln(3)
        note = head.word(_DAYS).format(self._count, MOST_LINES)
        paper.cell(0, 6, note, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        names = [head.word(pair) for pair in (("日期", "Day"), COLUMNS[1], _IN, _OUT, COLUMNS[-1])]
        paper.begin_table(_SUM_WIDTHS, names, amounts=3)
        for (day, account), moved in self._days.items():
            written = [head.written(minor) for minor in moved]
            paper.row(_SUM_WIDTHS, [day, head.account(account), *written], amounts=3)
