"""Reads of the catalogue that other rooms may use."""

from dataclasses import dataclass
from uuid import UUID

from kernel import db


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """One category; `parent_id` makes the tree."""

    id: UUID
    parent_id: UUID | None
    slug: str
    name_zh: str
    name_en: str


async def all_categories() -> list[CategoryRow]:
    """Every category, parents before children, in the order of the shop."""
    rows = await db.read(
        db.core_scope(),
        """select id, parent_id, slug, name_zh, name_en from categories
           order by cardinality(path), position, id""",
    )
    return [CategoryRow(**row) for row in rows]
