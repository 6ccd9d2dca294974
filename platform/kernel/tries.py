"""Rows that are tried until they end: claimed together, each with the time of its next try.

Whoever claims a row and dies has not lost it: its time comes again.
"""


def claim(table: str) -> str:
    """The part of a statement that claims up to $1 due rows of a table as `claimed`.

    $2 are the seconds to the next try after the n-th, of which the last one is used again and
    again. The table has `id`, `attempts` and `next_attempt_at`.
    """
    return f"""
with due as (
    select id from {table} where next_attempt_at <= platform_now()
    order by next_attempt_at limit $1 for update skip locked
), claimed as (
    update {table} set attempts = attempts + 1,
           next_attempt_at = platform_now() + make_interval(
               secs => ($2::float8[])[least(attempts + 1, array_length($2, 1))])
    from due where {table}.id = due.id
    returning {table}.*
)
"""
