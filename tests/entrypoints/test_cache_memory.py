"""What a process keeps stays within its bytes, and ends with its time or its stock."""

import random
from uuid import UUID

from entrypoints.response_cache import not_modified, public_headers
from entrypoints.response_cache.memory import Entries, Entry


def listing(number: int) -> UUID:
    return UUID(int=number)


def entry(size: int = 100, *, listings: tuple[int, ...] = (), until: float = 10.0) -> Entry:
    return Entry(b"x" * size, frozenset(map(listing, listings)), until)


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
    entries.put("huge", entry(100_000))
    assert entries.get("huge", now_seconds=0.0) is None
    assert len(entries) == 3


def test_a_listing_ends_every_entry_that_shows_it_and_no_other() -> None:
    entries = Entries(100_000)
    entries.put("one", entry(listings=(1,)))
    entries.put("both", entry(listings=(1, 2)))
    entries.put("two", entry(listings=(2,)))
    entries.put("none", entry())
    entries.drop_listing(listing(1))
    assert [k for k in ("one", "both", "two", "none") if entries.get(k, now_seconds=0.0)] == [
        "two",
        "none",
    ]
    entries.drop_listing(listing(3))
    entries.clear()
    assert (len(entries), entries.size_bytes) == (0, 0)


def test_whatever_happens_the_books_of_the_memory_are_right() -> None:
    dice = random.Random(7)
    entries = Entries(20_000)
    for _ in range(5_000):
        key = dice.randrange(40)
        match dice.randrange(4):
            case 0 | 1:
                shown = tuple(dice.sample(range(9), dice.randrange(4)))
                entries.put(key, entry(dice.randrange(3_000), listings=shown))
            case 2:
                entries.drop(key)
            case _:
                entries.drop_listing(listing(dice.randrange(9)))
        kept = entries._entries
        assert entries.size_bytes == sum(one.size_bytes for one in kept.values()) <= 20_000
        by_listing = {(one, key) for key, found in kept.items() for one in found.listing_ids}
        assert by_listing == {
            (one, key) for one, keys in entries._keys_by_listing.items() for key in keys
        }


def test_an_answers_tag_is_of_its_bytes_and_a_client_that_has_them_gets_none() -> None:
    first, same, other = (Entry(body, frozenset(), 0.0) for body in (b"a", b"a", b"b"))
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
