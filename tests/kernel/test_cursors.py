"""A cursor is good in its own list of its own tenant, and nowhere else."""

from uuid import uuid4

import pytest

from kernel import crypto, cursors
from kernel.errors import Invalid

OURS, THEIRS = uuid4(), uuid4()


def test_a_cursor_gives_back_the_values_of_its_row() -> None:
    values = [7, "原神", None, str(uuid4())]
    cursor = cursors.write(values, tenant_id=OURS, about="products")
    assert cursors.read(cursor, tenant_id=OURS, about="products") == values
    assert cursors.read(None, tenant_id=OURS, about="products") is None


def test_a_cursor_of_another_tenant_or_list_or_of_nobody_is_refused() -> None:
    cursor = cursors.write([7], tenant_id=OURS, about="products")
    of_platform = cursors.write([7], tenant_id=None, about="products")
    signed_for_something_else = crypto.sign("quote", b'["x"]')
    for foreign, tenant_id, about in (
        (cursor, THEIRS, "products"),
        (cursor, None, "products"),
        (cursor, OURS, "orders"),
        (of_platform, OURS, "products"),
        (signed_for_something_else, OURS, "products"),
        ("", OURS, "products"),
        ("nonsense", OURS, "products"),
        ("\N{PILE OF POO}" * 3, OURS, "products"),
    ):
        with pytest.raises(Invalid) as refused:
            cursors.read(foreign, tenant_id=tenant_id, about=about)
        assert refused.value.field == "after"


def test_a_cursor_with_one_letter_changed_is_refused() -> None:
    cursor = cursors.write([7, "a"], tenant_id=OURS, about="products")
    for place in range(len(cursor)):
        other = "A" if cursor[place] != "A" else "B"
        with pytest.raises(Invalid):
            cursors.read(
                cursor[:place] + other + cursor[place + 1 :], tenant_id=OURS, about="products"
            )


def test_a_page_has_one_to_a_hundred_rows() -> None:
    assert cursors.page_size(None) == 20
    assert cursors.page_size(None, usual=50) == 50
    assert [cursors.page_size(first) for first in (1, 100)] == [1, 100]
    for first in (0, -1, 101, 2**31):
        with pytest.raises(Invalid) as refused:
            cursors.page_size(first)
        assert refused.value.field == "first"
