"""The file of an import: refused as a whole or read line by line, never held in memory.

Everything that can be known of a file before its first key is stored is found out first, in a pass
of its own: its hash (the batch's identity), its size, its encoding, and whether it is text at all.
So a bad file leaves nothing written. A line is a physical line, in CSV, too.
"""

import codecs
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from kernel.errors import Invalid
from supply.importing.lines import LineParser, NoSecretColumn, csv_parser, parse_text_line

_BLOCK_BYTES: Final = 1 << 20
# Of both, no byte of a longer character is a line feed: lines can be cut before decoding.
_ENCODINGS: Final = ("utf-8", "gb18030")


class FileRefused(Invalid):
    """The file as a whole cannot be imported; nothing was written."""


class FileChanged(Invalid):
    """The file was written to while it was imported; what was accepted so far can be undone."""


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """What one import may cost."""

    max_file_bytes: int = 256 * 1024 * 1024
    max_line_bytes: int = 4_096
    chunk_lines: int = 2_000
    """Lines that are stored in one transaction."""


@dataclass(frozen=True, slots=True)
class Source:
    """An open file that has been looked through once."""

    handle: BinaryIO
    limits: ImportLimits
    file_hash: bytes
    line_count: int
    encoding: str
    body_offset: int
    """Bytes before the first line that can be a key: a byte order mark, a CSV header."""
    header_lines: int
    parse: LineParser
    identity: tuple[int, ...]

    def lines(self) -> Iterator[tuple[int, bytes | None]]:
        """Yield (line number, its bytes) from the first key line on.

        None stands for the bytes of a line that is too long.
        """
        self.handle.seek(self.body_offset)
        lines = _bounded_lines(self.handle, max_bytes=self.limits.max_line_bytes)
        return enumerate(lines, start=self.header_lines + 1)

    def require_unchanged(self) -> None:
        """Raise `FileChanged` if the file was written to since its hash."""
        if _identity(self.handle) != self.identity:
            raise FileChanged("The file was changed while it was being imported.", field="path")


@contextmanager
def open_source(path: Path, *, limits: ImportLimits) -> Iterator[Source]:
    """Open a `.txt` or `.csv` file and look through it; `FileRefused` if bad."""
    as_csv = _is_csv(path)
    try:
        # A pipe or a device would block or never end; only then is it safe to open.
        if not stat.S_ISREG(path.stat().st_mode):
            raise FileRefused("Not a regular file.", field="path")
        handle = path.open("rb")
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise FileRefused(f"The file cannot be read: {reason}.", field="path") from None
    with handle:
        yield _inspect(handle, as_csv=as_csv, limits=limits)


def _is_csv(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in (".txt", ".csv"):
        raise FileRefused("Only .txt and .csv files can be imported.", field="path")
    return suffix == ".csv"


def _inspect(handle: BinaryIO, *, as_csv: bool, limits: ImportLimits) -> Source:
    identity = _identity(handle)
    file_hash, line_count = _look_through(handle, max_bytes=limits.max_file_bytes)
    encoding = _encoding_of(handle)
    handle.seek(0)
    if handle.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
        handle.seek(0)
    parse: LineParser = parse_text_line
    if as_csv:
        parse = _read_header(handle, encoding=encoding, limits=limits)
    return Source(
        handle=handle,
        limits=limits,
        file_hash=file_hash,
        line_count=line_count,
        encoding=encoding,
        body_offset=handle.tell(),
        header_lines=1 if as_csv else 0,
        parse=parse,
        identity=identity,
    )


def _identity(handle: BinaryIO) -> tuple[int, ...]:
    found = os.fstat(handle.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _look_through(handle: BinaryIO, *, max_bytes: int) -> tuple[bytes, int]:
    """The file's SHA-256 and its number of lines; refuses what is empty, too large or no text."""
    digest, size_bytes, line_feeds, last = hashlib.sha256(), 0, 0, b""
    while block := handle.read(_BLOCK_BYTES):
        size_bytes += len(block)
        # Counted while reading, because a file may grow after it was measured.
        if size_bytes > max_bytes:
            raise FileRefused(f"The file is larger than {max_bytes} bytes.", field="path")
        if b"\0" in block:  # an archive, a spreadsheet, UTF-16
            raise FileRefused("The file is not plain text: it has NUL bytes.", field="path")
        digest.update(block)
        line_feeds += block.count(b"\n")
        last = block
    if not size_bytes:
        raise FileRefused("The file is empty.", field="path")
    return digest.digest(), line_feeds + (not last.endswith(b"\n"))


def _encoding_of(handle: BinaryIO) -> str:
    """UTF-8 or GB 18030, whichever the whole file is; UTF-8 when it is neither."""
    return next((name for name in _ENCODINGS if _decodes(handle, name)), _ENCODINGS[0])


def _decodes(handle: BinaryIO, encoding: str) -> bool:
    handle.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while block := handle.read(_BLOCK_BYTES):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _read_header(handle: BinaryIO, *, encoding: str, limits: ImportLimits) -> LineParser:
    header = next(_bounded_lines(handle, max_bytes=limits.max_line_bytes), None)
    try:
        return csv_parser((header or b"").decode(encoding))
    except (NoSecretColumn, UnicodeDecodeError):
        raise FileRefused(
            "The first line of a CSV file names its columns: `secret`, and if you like"
            " `serial` and `expires_at`, each once.",
            field="path",
        ) from None


def _bounded_lines(handle: BinaryIO, *, max_bytes: int) -> Iterator[bytes | None]:
    """Lines without their ends; None for one that is longer than `max_bytes`."""
    whole = max_bytes + len(b"\r\n")
    while raw := handle.readline(whole):
        too_long = not raw.endswith(b"\n") and len(raw) == whole
        while too_long and not raw.endswith(b"\n") and raw:
            raw = handle.readline(_BLOCK_BYTES)
        body = raw.rstrip(b"\r\n")
        yield None if too_long or len(body) > max_bytes else body
