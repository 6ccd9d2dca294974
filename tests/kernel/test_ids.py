"""Ids: ordered by time inside, opaque and of one spelling outside."""

from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kernel import ids
from kernel.errors import NotFound
from kernel.ids import new_id, parse_id, public_id

LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def test_a_new_id_is_a_version_7_uuid_of_this_millisecond(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ids, "unix_milliseconds", lambda: 1_800_000_000_123)
    identifier = new_id()
    assert identifier.version == 7
    assert identifier.variant == "specified in RFC 4122"
    assert identifier.int >> 80 == 1_800_000_000_123


def test_ids_of_a_later_millisecond_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for milliseconds in range(1_800_000_000_000, 1_800_000_000_200):
        monkeypatch.setattr(ids, "unix_milliseconds", lambda now=milliseconds: now)
        made.append(new_id())
    assert made == sorted(made)
    assert [public_id("key", each) for each in made] == sorted(
        public_id("key", each) for each in made
    )


def test_no_id_is_made_twice_within_a_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "unix_milliseconds", lambda: 1_800_000_000_000)
    assert len({new_id() for _ in range(10_000)}) == 10_000


@given(st.uuids())
@example(UUID(int=0))
@example(UUID(int=(1 << 128) - 1))
def test_every_id_comes_back_from_its_outside_form(identifier: UUID) -> None:
    text = public_id("prd", identifier)
    assert len(text) == 30
    assert parse_id("prd", text) == identifier


def test_an_id_of_another_kind_is_not_found_and_the_field_is_named() -> None:
    with pytest.raises(NotFound) as refused:
        parse_id("prd", public_id("sku", new_id()), field="productId")
    assert refused.value.field == "productId"
    assert refused.value.message == "There is no such product."


@given(st.text(LETTERS + "ilouABZ_- ", min_size=24, max_size=28))
def test_a_text_is_an_id_in_one_spelling_or_not_at_all(letters: str) -> None:
    text = f"prd_{letters}"
    try:
        identifier = parse_id("prd", text)
    except NotFound:
        return
    assert public_id("prd", identifier) == text


@pytest.mark.parametrize(
    "text",
    ["", "prd", "prd_", "_", "prd_" + "0" * 25, "prd_" + "0" * 27, "prd_8" + "0" * 25,
     "prd_" + "z" * 26, "PRD_" + "0" * 26, "prd_" + "0" * 25 + "\n", "prd_" + "０" * 26,
     "prd_" + "A" * 26, "prd_prd_" + "0" * 22, " prd_" + "0" * 26],
)  # fmt: skip
def test_a_text_that_is_no_id_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        parse_id("prd", text)
