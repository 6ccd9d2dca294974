"""The versions of a shop's catalogue, as statements read them.

An owner's version is the number in `catalogue_versions`, which every change of theirs makes larger,
and one for each of their `catalogue_moments` that has passed: a rule that begins or ends by itself
is another version from that instant on, with nobody there to say so. What is kept at a version is
looked up by the version that was read, so time is no special case to it.
"""

from typing import Final

# Most owners have no moment ahead, and nobody looks for one then.
_VERSION: Final = """
known.version + case
    when known.first_moment is null then 0
    when known.first_moment > (select platform_now()) then 0
    else (select count(*) from catalogue_moments passed
          where passed.owner_id = known.owner_id and passed.moment <= (select platform_now())) end
"""
VERSION_OF_OWNER: Final = f"coalesce({_VERSION}, 0)"
"""In a statement with a left join of `catalogue_versions known`: the owner's version."""

VERSIONS_OF_PATH: Final = f"""
(select array_agg({VERSION_OF_OWNER} order by asked.place)
 from unnest($1::uuid[] || platform_id()) with ordinality as asked (owner_id, place)
 left join catalogue_versions known on known.owner_id = asked.owner_id)
"""
"""In a statement whose first value is a path: the version of each tenant on it, then the
platform's."""

_OWNERS: Final = "any ({path} || platform_id())"
_SUM: Final = f"""
(select coalesce(sum({_VERSION}), 0)::bigint from catalogue_versions known
 where known.owner_id = {_OWNERS})
"""
_STILL: Final = f"""
extract(epoch from (select min(next.moment) from catalogue_moments next
                    where next.owner_id = {_OWNERS} and next.moment > (select platform_now()))
                   - (select platform_now()))::double precision
"""


def version_of_shop(path: str) -> str:
    """Write the version of a shop's whole catalogue: the sum over its path and the platform.

    `path` is the expression that names the path.
    """
    return _SUM.format(path=path)


def still_seconds(path: str) -> str:
    """Write for how long the version stays what it is, unless somebody changes something.

    Null where nothing on the path is going to begin or end.
    """
    return _STILL.format(path=path)
