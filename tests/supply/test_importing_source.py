"""The file of an import: what is refused as a whole, and how lines are cut."""

import hashlib
import os
from pathlib import Path

import pytest

from supply.importing.source import FileChanged, FileRefused, ImportLimits, open_source

SMALL = ImportLimits(max_file_bytes=1_000, max_line_bytes=20)


def lines_of(path: Path, *, limits: ImportLimits = SMALL) -> list[tuple[int, bytes | None]]:
    with open_source(path, limits=limits) as source:
        return list(source.lines())


def written(folder: Path, content: bytes, *, name: str = "keys.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.txt", b""),
        ("nul.txt", b"ABCD-1234\n\0\n"),
        ("utf16.txt", "ABCD-1234".encode("utf-16")),
        ("sheet.csv", b"PK\x03\x04\x14\0\x06\0"),
        ("large.txt", b"x" * 1_001),
        ("keys.xlsx", b"ABCD-1234\n"),
        ("keys", b"ABCD-1234\n"),
        ("no_header.csv", b"ABCD-1234\n"),
        ("blank_header.csv", b"\nsecret\n"),
        ("long_header.csv", b"secret," + b"x" * 30),
        ("bad_header.csv", b"\xef\xbb\xbfsecret,\xff\n"),
    ],
)
def test_a_file_that_is_no_list_of_keys_is_refused(
    tmp_path: Path, name: str, content: bytes
) -> None:
    with pytest.raises(FileRefused) as refused:
        lines_of(written(tmp_path, content, name=name))
    assert refused.value.field == "path"


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    for name in ("missing.txt", "folder.txt", "pipe.txt"):
        with pytest.raises(FileRefused):
            lines_of(tmp_path / name)


@pytest.mark.parametrize("content", [b"one\ntwo\nthree", b"one\r\ntwo\r\nthree\r\n"])
def test_lines_are_numbered_and_lose_their_ends(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path, content)
    assert lines_of(path) == [(1, b"one"), (2, b"two"), (3, b"three")]
    with open_source(path, limits=SMALL) as source:
        assert source.line_count == 3
        assert source.file_hash == hashlib.sha256(content).digest()


@pytest.mark.parametrize("length", range(18, 50))
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_line_that_is_too_long_is_one_line_and_is_not_kept(
    tmp_path: Path, length: int, end: bytes
) -> None:
    path = written(tmp_path, b"one\n" + b"x" * length + end + (b"three\n" if end else b""))
    expected = [(1, b"one"), (2, b"x" * length if length <= 20 else None)]
    assert lines_of(path) == expected + ([(3, b"three")] if end else [])


def test_a_csv_header_counts_as_the_first_line(tmp_path: Path) -> None:
    path = written(tmp_path, b"\xef\xbb\xbfserial,secret\nSN1,ABCD-1234\n", name="keys.csv")
    assert lines_of(path) == [(2, b"SN1,ABCD-1234")]
    with open_source(path, limits=SMALL) as source:
        assert source.line_count == 2


@pytest.mark.parametrize(
    ("encoding", "found"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("gb18030", "gb18030")]
)
def test_the_encoding_is_found_out(tmp_path: Path, encoding: str, found: str) -> None:
    path = written(tmp_path, "卡号一----ABCD\n".encode(encoding))
    with open_source(path, limits=SMALL) as source:
        [(number, raw)] = source.lines()
        assert raw is not None
        assert (number, raw.decode(source.encoding)) == (1, "卡号一----ABCD")
        assert source.encoding == found


def test_one_bad_byte_does_not_make_another_encoding_of_a_whole_file(tmp_path: Path) -> None:
    path = written(tmp_path, "卡号----ABCD\n".encode() + b"\xff\n")
    with open_source(path, limits=SMALL) as source:
        assert source.encoding == "utf-8"


def test_a_file_that_is_written_to_meanwhile_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, b"ABCD-1234\n")
    with open_source(path, limits=SMALL) as source:
        source.require_unchanged()
        with path.open("ab") as file:
            file.write(b"EFGH-5678\n")
        with pytest.raises(FileChanged):
            source.require_unchanged()
