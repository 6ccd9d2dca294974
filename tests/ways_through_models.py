"""Every way to reach another shop's row through a model; each answers falsely if it cannot."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import UUID

from tortoise.functions import Count

from kernel.ids import new_id
from tenants.scope import TenantOwned

Model = type[TenantOwned]


class ForeignRow(NamedTuple):
    """A row that the open transaction has no business with."""

    tenant_id: UUID
    id: UUID


Way = Callable[[Model, ForeignRow], Awaitable[object]]


def in_hand(model: Model, row: ForeignRow) -> TenantOwned:
    """The row as somebody holds it who got it elsewhere."""
    instance = model(tenant_id=row.tenant_id, id=row.id)
    instance._saved_in_db = True
    return instance


async def shown(rows: Awaitable[Any], row: ForeignRow) -> bool:
    """Whether a query shows a row of that tenant."""
    return any(found.tenant_id == row.tenant_id for found in await rows)


async def _counts(model: Model, row: ForeignRow) -> bool:
    return await model.all().count() > 1


async def _aggregates(model: Model, row: ForeignRow) -> bool:
    counts = await model.annotate(rows=Count("id")).values_list("rows")
    groups = await model.all().group_by("tenant_id").annotate(n=Count("id")).values("tenant_id")
    return sum(count for (count,) in counts) > 1 or len(groups) > 1


async def _values(model: Model, row: ForeignRow) -> bool:
    listed = await model.all().values_list("id", flat=True)
    return row.id in listed or {"id": row.id} in await model.all().values("id")


async def _first_and_last(model: Model, row: ForeignRow) -> bool:
    ends = [await model.first(), await model.last(), await model.all().order_by("-id").first()]
    return any(found is not None and found.pk == row.id for found in ends)


async def _refresh_from_db(model: Model, row: ForeignRow) -> bool:
    await in_hand(model, row).refresh_from_db()
    return True


async def _bulk_update(model: Model, row: ForeignRow) -> int:
    return await model.bulk_update([in_hand(model, row)], fields=["tenant_id"])


async def _bulk_create(model: Model, row: ForeignRow) -> bool:
    await model.bulk_create([in_hand(model, row)])
    return True


async def _save(model: Model, row: ForeignRow) -> bool:
    await in_hand(model, row).save(update_fields=["tenant_id"])
    return True


async def _delete_in_hand(model: Model, row: ForeignRow) -> bool:
    await in_hand(model, row).delete()
    return True


THROUGH_THE_MANAGER: dict[str, Way] = {
    "all": lambda model, row: shown(model.all(), row),
    "filter": lambda model, row: shown(model.filter(id=row.id), row),
    "filter by tenant": lambda model, row: shown(model.filter(tenant_id=row.tenant_id), row),
    "exclude": lambda model, row: shown(model.exclude(id=new_id()), row),
    "get_or_none": lambda model, row: model.get_or_none(id=row.id),
    "select_for_update": lambda model, row: shown(model.select_for_update(), row),
    "union": lambda model, row: shown(model.all().union(model.filter(id=row.id)), row),
    "in_bulk": lambda model, row: model.in_bulk([row.id]),
    "exists": lambda model, row: model.exists(id=row.id),
    "count": _counts,
    "aggregates": _aggregates,
    "values": _values,
    "first and last": _first_and_last,
    "update": lambda model, row: model.filter(id=row.id).update(tenant_id=row.tenant_id),
    "delete": lambda model, row: model.filter(id=row.id).delete(),
    "bulk_update": _bulk_update,
}

# These do not ask the manager; the model itself stands in their way.
PAST_THE_MANAGER: dict[str, Way] = {
    "raw": lambda model, row: model.raw(f"select * from {model._meta.db_table}"),
    "refresh_from_db": _refresh_from_db,
    "save": _save,
    "delete in hand": _delete_in_hand,
    "bulk_create": _bulk_create,
}
