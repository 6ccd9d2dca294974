"""Workbooks from strangers, measured before anybody reads them.

An XLSX file is a ZIP archive of XML. A small one can unpack to gigabytes, one cell in the last
corner makes a reader lay out seventeen thousand million, and one long text can be shown by every
cell. So each part is unpacked here within bounds and looked through, and what the reader gets is a
new archive of exactly the bytes that were measured.
"""

import io
import re
import zipfile
import zlib
from typing import Any, Final
from xml.parsers import expat

from offers.price_desk.sheets.bounds import (
    MAX_COLUMNS,
    MAX_PARTS,
    MAX_UNPACKED_BYTES,
    FileRefused,
    require_cell,
    require_columns,
    require_rows,
)

_CHUNK: Final = 1 << 16
_NEEDED: Final = re.compile(r"\[Content_Types\]\.xml|_rels/\.rels|xl/[^/]+\.xml|xl/_rels/.+|"
                            r"xl/worksheets/[^/]+\.xml")  # fmt: skip
_TEXTS_INSIDE: Final = re.compile(r"xl/(sharedStrings|worksheets/[^/]+)\.xml", re.IGNORECASE)
"""Parts whose texts are cells'. Cells are looked for in every part: the workbook says where its
sheets lie."""
_ROW: Final = re.compile(r"[0-9]{1,8}")
_PLACE: Final = re.compile(r"([A-Z]{1,4})([0-9]{1,8})")
_TEXTS: Final = frozenset({"si", "c"})
"""Elements whose text is one cell's."""


def measured_workbook(content: bytes) -> bytes:
    """Unpack and measure a workbook, and pack anew what a reader needs of it.

    Raises `FileRefused` for what is no workbook or passes a bound.
    """
    clean = io.BytesIO()
    try:
        with (
            zipfile.ZipFile(io.BytesIO(content)) as archive,
            zipfile.ZipFile(clean, "w", zipfile.ZIP_STORED) as packed,
        ):
            _copy_parts(archive, packed)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise FileRefused("This is not an XLSX workbook.", field="file") from error
    return clean.getvalue()


def _copy_parts(archive: zipfile.ZipFile, packed: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if len(parts) > MAX_PARTS or len({part.filename for part in parts}) != len(parts):
        raise FileRefused("This is not an XLSX workbook.", field="file")
    room = MAX_UNPACKED_BYTES
    for part in parts:
        if _NEEDED.fullmatch(part.filename) is None:
            continue
        xml = _unpacked(archive, part, room)
        room -= len(xml)
        _Measure(with_texts=_TEXTS_INSIDE.fullmatch(part.filename) is not None).look_through(xml)
        packed.writestr(part.filename, xml)


def _unpacked(archive: zipfile.ZipFile, part: zipfile.ZipInfo, room: int) -> bytes:
    """What a part really unpacks to: what it says of its own size is not believed."""
    pieces = []
    with archive.open(part) as stream:
        while piece := stream.read(_CHUNK):
            room -= len(piece)
            if room < 0:
                raise FileRefused(
                    "This workbook unpacks to more than a price list needs.", field="file"
                )
            pieces.append(piece)
    return b"".join(pieces)


class _Measure:
    """Looks at the places of cells and the lengths of texts in one part.

    A row or a cell need not say where it is: then it comes after the one before. So they are
    counted, too.
    """

    def __init__(self, *, with_texts: bool) -> None:
        self._characters = 0
        self._rows = self._row = self._cells = self._column = 0
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._begin
        if with_texts:
            self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype

    def look_through(self, xml: bytes) -> None:
        """Raise `FileRefused` for a cell out of bounds or a text that is too long."""
        try:
            self._parser.Parse(xml, True)
        except expat.ExpatError as error:
            raise FileRefused("This is not an XLSX workbook.", field="file") from error

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        element = name.rpartition(" ")[2]
        if element in _TEXTS:
            self._characters = 0
        if element == "c":
            self._begin_cell(attributes.get("r"))
        elif element == "row":
            self._begin_row(attributes.get("r"))

    def _begin_row(self, number: str | None) -> None:
        if number is not None and _ROW.fullmatch(number) is None:
            raise FileRefused("This is not an XLSX workbook.", field="file")
        self._rows += 1
        self._row = self._row + 1 if number is None else int(number)
        self._column = 0
        require_rows(max(self._rows, self._row) - 1)

    def _begin_cell(self, place: str | None) -> None:
        self._cells += 1
        require_rows((self._cells - 1) // MAX_COLUMNS - 1)
        self._column = self._column + 1 if place is None else self._column_of(place)
        require_columns(self._column)

    def _column_of(self, place: str) -> int:
        found = _PLACE.fullmatch(place)
        if found is None:
            raise FileRefused("This is not an XLSX workbook.", field="file")
        require_rows(int(found[2]) - 1)
        column = 0
        for letter in found[1]:
            column = column * 26 + ord(letter) - ord("A") + 1
        return column

    def _text(self, text: str) -> None:
        self._characters += len(text.strip())
        require_cell(self._characters)

    def _refuse_doctype(self, *_: Any) -> None:
        raise FileRefused("This is not an XLSX workbook.", field="file")
