"""What a process keeps stays within its bytes, and ends with its time or its stock."""

import random
from uuid import UUID

from entrypoints.response_cache import not_modified, public_headers
from entrypoints.response_cache.memory import Entries, Entry, StockNotes


def listing(number: int) -> UUID:
    return UUID(int=number)


def entry(
    size: int = 100, *, listings: tuple[int, ...] = (), since: float = 0.0, until: float = 10.0
) -> Entry:
    return Entry(
        b"x" * size,
        listing_ids=map(listing, listings),
        true_at_seconds=since,
        ends_at_seconds=until,
    )


def noise(size: int, *, listings: tuple[int, ...] = ()) -> Entry:
    """An entry that cannot be made smaller."""
    return Entry(
        random.Random(size).randbytes(size),
        listing_ids=map(listing, listings),
        ends_at_seconds=10.0,
    )


def test_an_entry_is_found_until_its_time_is_over() -> None:
    entries = Entries(10_000)
    entries.put("a", entry())
    assert entries.get("a", now_seconds=9.9) is not None
    assert entries.get("a", now_seconds=10.0) is None
    assert (len(entries), entries.size_bytes) == (0, 0)


def test_the_entry_that_nobody_asked_for_longest_makes_room() -> None:
    entries = Entries(3 * entry().size_bytes)
    for key in "abc":
        entries.put(key, entry())
    assert entries.get("a", now_seconds=0.0) is not None
    entries.put("d", entry())
    assert [key for key in "abcd" if entries.get(key, now_seconds=0.0)] == ["a", "c", "d"]
    entries.put("huge", noise(100_000))
    assert entries.get("huge", now_seconds=0.0) is None
    assert len(entries) == 3


def test_a_listing_ends_every_entry_that_shows_it_and_no_other() -> None:
    notes = StockNotes()
    entries = Entries(100_000, notes)
    entries.put("one", entry(listings=(1,)))
    entries.put("both", entry(listings=(1, 2)))
    entries.put("two", entry(listings=(2,)))
    entries.put("none", entry())
    notes.note(listing(1), now_seconds=1.0, kept_seconds=60.0)
    notes.note(listing(3), now_seconds=1.0, kept_seconds=60.0)
    assert [k for k in ("one", "both", "two", "none") if entries.get(k, now_seconds=2.0)] == [
        "two",
        "none",
    ]
    entries.clear()
    assert (len(entries), entries.size_bytes) == (0, 0)


def test_a_note_ends_what_was_true_before_it_and_nothing_that_was_read_after() -> None:
    notes = StockNotes()
    entries = Entries(100_000, notes)
    entries.put("before", entry(listings=(1,), since=1.0))
    entries.put("at once", entry(listings=(1,), since=2.0))
    entries.put("after", entry(listings=(1,), since=2.1))
    assert entries.get("before", now_seconds=2.0) is not None
    notes.note(listing(1), now_seconds=2.0, kept_seconds=60.0)
    assert entries.get("before", now_seconds=2.0) is None, "it was looked at in this very moment"
    assert entries.get("at once", now_seconds=3.0) is None
    assert entries.get("after", now_seconds=3.0) is not None


def test_notes_are_kept_for_as_long_as_an_entry_may_need_them() -> None:
    notes = StockNotes()
    for number in range(100):
        notes.note(listing(number), now_seconds=float(number), kept_seconds=10.0)
        notes.note(listing(0), now_seconds=float(number), kept_seconds=10.0)
    assert len(notes) == 12
    assert notes.ended(entry(listings=(89,)), since_seconds=89.0)
    assert notes.ended(entry(listings=(5, 0)), since_seconds=99.0)
    assert not notes.ended(entry(listings=(98,)), since_seconds=98.5)
    assert not notes.ended(entry(listings=(1_000,)), since_seconds=0.0)


def test_a_page_is_kept_in_a_part_of_its_bytes_and_given_back_whole() -> None:
    page = b'{"name":"a","price":{"amount":{"amountMinor":1}}}' * 80
    kept = Entry(page, listing_ids=[listing(2), listing(1), listing(2)], ends_at_seconds=1.0)
    tag, whole = kept.etag, kept.size_bytes
    entries = Entries(100_000)
    entries.put("page", kept)
    found = entries.get("page", now_seconds=0.0)
    assert found is not None
    assert (found.body, found.etag) == (page, tag)
    assert list(found.listing_ids) == [listing(1), listing(2)]
    assert entries.size_bytes == found.size_bytes < whole / 3


def test_whatever_happens_the_books_of_the_memory_are_right() -> None:
    dice = random.Random(7)
    entries = Entries(20_000)
    for _ in range(5_000):
        key = dice.randrange(40)
        match dice.randrange(4):
            case 0 | 1:
                shown = tuple(dice.sample(range(9), dice.randrange(4)))
                entries.put(key, noise(dice.randrange(3_000), listings=shown))
            case 2:
                entries.drop(key)
            case _:
                entries.get(key, now_seconds=dice.choice((0.0, 11.0)))
        kept = entries._entries
        assert entries.size_bytes == sum(one.size_bytes for one in kept.values()) <= 20_000


def test_an_answers_tag_is_of_its_bytes_and_a_client_that_has_them_gets_none() -> None:
    first, same, other = (Entry(body) for body in (b"a", b"a", b"b"))
    assert first.etag == same.etag != other.etag
    assert first.etag.startswith('"') and first.etag.endswith('"')
    headers = public_headers(first.etag)
    assert headers["etag"] == first.etag
    assert headers["cache-control"].startswith("public, max-age=1, stale-while-revalidate=")
    assert "authorization" in headers["vary"]
    for given in (first.etag, f"W/{first.etag}", f'"x", {first.etag}', "*"):
        assert not_modified(given, first.etag)
    for given in ("", '"x"', other.etag, first.etag.strip('"')):
        assert not not_modified(given, first.etag)
