"""A chunk of lines made ready to be stored: parsed, sealed, sorted. All of the work on the CPU.

It runs in a thread while the chunk before is being written.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from operator import attrgetter
from uuid import UUID

from kernel.ids import new_id
from supply.importing.lines import KeyLine, Malformed, Outcome, parse_line
from supply.importing.seats import Seat, further_seats
from supply.importing.source import Source
from supply.vault import SealedKey, seal_key

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ReadyKey:
    """A key as its row will be, but for the position, which the database's sequence decides."""

    key_id: UUID
    line_number: int
    serial: str
    sealed: SealedKey
    expires_at: datetime | None
    secret: str = field(repr=False)

    @property
    def expires_on_days(self) -> int | None:
        """Whole days since 1970 (UTC) until the key expires."""
        return None if self.expires_at is None else (self.expires_at - _EPOCH).days


@dataclass(slots=True)
class Chunk:
    """The lines after `first_line - 1` up to `last_line`, as keys and as refused lines."""

    first_line: int
    last_line: int
    keys: list[ReadyKey] = field(default_factory=list)
    """By fingerprint: importers that meet the same keys lock them in the same order."""
    rejections: dict[int, Outcome] = field(default_factory=dict)
    seats: list[Seat] = field(default_factory=list)
    """Of shared goods, every key's seats after its first."""


@dataclass(frozen=True, slots=True)
class Sealing:
    """What every line of a batch is sealed with and judged by."""

    batch_id: UUID
    supplier_listing_id: UUID
    now: datetime
    seats: int = 1
    """How many buyers use one key at once."""

    def chunks(self, source: Source, *, after_line: int) -> Iterator[Chunk]:
        """Yield a batch's chunks from the line after `after_line` on."""
        lines = islice(source.lines(), max(0, after_line - source.header_lines), None)
        first_line = after_line + 1
        while taken := list(islice(lines, source.limits.chunk_lines)):
            source.require_unchanged()
            chunk = Chunk(first_line=first_line, last_line=taken[-1][0])
            self._fill(chunk, source, taken)
            first_line = chunk.last_line + 1
            yield chunk

    def _fill(self, chunk: Chunk, source: Source, lines: list[tuple[int, bytes | None]]) -> None:
        """Read and seal every line; of the same key twice in the chunk, the first counts."""
        seen: dict[bytes, ReadyKey] = {}
        for line_number, raw in lines:
            try:
                line = parse_line(raw, encoding=source.encoding, parse=source.parse)
            except Malformed:
                chunk.rejections[line_number] = Outcome.MALFORMED
                continue
            if line is None:
                continue
            if line.expires_at is not None and line.expires_at <= self.now:
                chunk.rejections[line_number] = Outcome.EXPIRED
                continue
            key = self._seal(line_number, line)
            if seen.setdefault(key.sealed.fingerprint, key) is not key:
                chunk.rejections[line_number] = Outcome.DUPLICATE_HERE
        chunk.keys = [seen[fingerprint] for fingerprint in sorted(seen)]
        chunk.seats = [
            seat
            for key in sorted(chunk.keys, key=attrgetter("line_number"))
            for seat in further_seats(
                first_key_id=key.key_id,
                supplier_listing_id=self.supplier_listing_id,
                secret=key.secret,
                serial=key.serial,
                seats=self.seats,
                expires_on_days=key.expires_on_days,
            )
        ]

    def _seal(self, line_number: int, line: KeyLine) -> ReadyKey:
        key_id = new_id()
        return ReadyKey(
            key_id=key_id,
            line_number=line_number,
            serial=line.serial or f"{self.batch_id.hex[-8:].upper()}-{line_number:06d}",
            sealed=seal_key(
                key_id=key_id, supplier_listing_id=self.supplier_listing_id, secret=line.secret
            ),
            expires_at=line.expires_at,
            secret=line.secret,
        )
