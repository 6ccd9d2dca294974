"""Recorded operations as scripts for pgbench: each run of one is a new operation."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from entrypoints.bench.recording.scripts import Answer, Recorded, defined_in, script
from kernel.ids import new_id

KNOWN, NEW, KEY = (UUID(int=number << 80 | 7 << 76 | 2 << 62) for number in (1, 2, 3))


def written(sql: str, *values: object) -> str:
    """The last line of a script with this one statement."""
    text = script([Recorded(sql, values)], is_new=lambda one: one == NEW, answers={})
    return text.splitlines()[-1]


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "null"),
        (5, "'5'"),
        (True, "'true'"),
        ("it's", "'it''s'"),
        (b"\x01\xff", "E'\\\\x01ff'"),
        ("L:WALLET", "E'L\\x3AWALLET'"),
        (timedelta(seconds=30), "'30.0 seconds'"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), r"E'2026-01-02T03\x3A04\x3A00+00\x3A00'"),
        (KNOWN, f"'{KNOWN}'"),
        ([1, 2], """'{"1","2"}'"""),
        ([KNOWN, None], f"""'{{"{KNOWN}",NULL}}'"""),
        (['say "no"'], """E'{"say \\\\"no\\\\""}'"""),
    ],
)
def test_an_argument_becomes_a_literal_in_which_pgbench_sees_no_variable(
    value: object, literal: str
) -> None:
    assert written("select $1", value) == f"select {literal};"


def test_what_the_operation_made_is_made_anew_in_each_run_of_the_script() -> None:
    made = f"('0' || to_hex(:ms::bigint) || substr(md5(:n::text || '{NEW.hex}'), 13))::uuid"

    assert written("select $1", NEW) == f"select {made};"
    assert written("select $1", f"sale:{NEW}") == f"select (E'sale\\x3A' || {made}::text);"
    assert written("select $1", [NEW, KNOWN]) == f"select array[{made}, '{KNOWN}']::uuid[];"
    assert "substr(md5(" in written("select $1", "K20260102-ABCDEFGHJK")


def test_a_key_that_the_database_chose_is_taken_from_its_answer() -> None:
    text = script(
        [Recorded("update keys returning keys.id"), Recorded("select $1", ([KEY],))],
        is_new=lambda one: False,
        answers={KEY: Answer(0, "id")},
    )

    assert text.splitlines()[-2:] == [
        r"update keys returning keys.id \gset got_",
        "select array[:got_id::uuid]::uuid[];",
    ]


def test_begin_and_its_scope_stay_one_round_trip() -> None:
    text = script([Recorded("begin;select 1"), Recorded("commit")], is_new=bool, answers={})

    assert text.splitlines()[-5:] == [
        r"\startpipeline",
        "begin;",
        "select 1;",
        r"\endpipeline",
        "commit;",
    ]


def test_a_statement_that_pgbench_would_misread_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot read"):
        written("select a[1:b] from t")


def test_ids_of_the_payment_channel_are_made_anew_wherever_they_stand() -> None:
    made = "('pi_' || md5(:n::text || 'pi_3abcdefgh'))"

    assert written("select $1", "pi_3abcdefgh") == f"select {made};"
    assert written("select $1", "look:pi_3abcdefgh:paid").startswith("select (E'look\\x3A' || ")
    assert "'evt_' || md5(" in written("select $1", "evt_3abcdefgh")
    assert written("select $1", "happy_birthday") == "select 'happy_birthday';"


def test_a_key_out_of_an_array_is_taken_by_its_place() -> None:
    text = script(
        [Recorded("hold keys returning key_ids"), Recorded("select $1", (KEY,))],
        is_new=lambda one: False,
        answers={KEY: Answer(0, "key_ids", 2)},
    )

    assert text.splitlines()[-1] == "select (:got_key_ids::uuid[])[2];"


def test_a_script_goes_on_where_it_has_sold_last() -> None:
    place = 1 << 62
    text = script(
        [
            Recorded("hold keys from $1 returning key_id, position", ([place],)),
            Recorded("$1", (KEY,)),
        ],
        is_new=lambda one: False,
        answers={KEY: Answer(0, "key_id")},
        name="007",
    )

    assert defined_in(text) == [f"hint_007={place}"]
    assert text.splitlines()[-3:] == [
        r"hold keys from array[:hint_007::bigint]::bigint[] returning key_id, position \gset got_",
        r"\set hint_007 :got_position",
        ":got_key_id::uuid;",
    ]


def test_a_script_that_only_counts_from_a_place_asks_for_no_answer() -> None:
    place = 1 << 62
    text = script(
        [Recorded("select count(*) from keys where position >= $1", (place,))],
        is_new=lambda one: False,
        answers={},
        name="007",
    )

    assert defined_in(text) == [f"hint_007={place}"]
    assert text.splitlines()[-1] == "select count(*) from keys where position >= :hint_007::bigint;"


def test_amounts_are_no_places_in_a_pool() -> None:
    assert written("select $1", 10**12) == "select '1000000000000';"
    assert written("select $1", [True, 10**12]).startswith("select '{")
    assert defined_in(script([Recorded("$1", (10**12,))], is_new=bool, answers={})) == []


def test_new_ids_of_the_product_are_ordered_by_time() -> None:
    assert new_id().version == 7  # the recorder tells new ids from old ones by it
