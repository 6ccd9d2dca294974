"""THE tenant fence of the ORM; row-level security stands behind it and does not rely on it.

A model of a tenant's rows derives from `TenantOwned`, `PathOwned` or `PartyOwned` (the table
classes of row-level security) and is fenced wherever it is used: its manager narrows every query
to the open transaction's scope, and a row in hand is written only by its own tenant. The fence
fails closed (`db.NoTransaction`, `FenceBreach`), and only `db.every_tenant(reason=…)` lifts it.

Models carry ids and no relations: a join through another model would go round its manager.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from tortoise import fields
from tortoise.manager import Manager
from tortoise.models import Model
from tortoise.queryset import BulkCreateQuery, BulkUpdateQuery, QuerySet, RawSQLQuery

from kernel import db


class FenceBreach(RuntimeError):
    """Rows were asked for without a tenant, or somebody else's row was about to be written."""


class FencedQuerySet(QuerySet[Any]):
    """Reads what the scope may see; changes only rows of the scope's own tenant."""

    def update(self, **values: Any) -> Any:
        """Change the own tenant's rows among those selected."""
        return QuerySet.update(self._own(), **values)

    def delete(self) -> Any:
        """Delete the own tenant's rows among those selected."""
        return QuerySet.delete(self._own())

    def bulk_update(
        self, objects: Iterable[Any], fields: Iterable[str], batch_size: int | None = None
    ) -> BulkUpdateQuery[Any]:
        """Write `fields` of the own tenant's rows among `objects`."""
        return QuerySet.bulk_update(self._own(), objects, fields, batch_size)

    def _own(self) -> QuerySet[Any]:
        scope = db.current_scope()
        if scope.fence_lifted_for:
            return self
        return self.filter(tenant_id=_required(scope.tenant_id, self.model))


class FencedManager(Manager):
    """Starts every query of a model with the scope's own filter; fails closed without one."""

    def get_queryset(self) -> QuerySet[Any]:
        """Return the rows that the open transaction's scope may see.

        Raises `db.NoTransaction` outside a transaction, `FenceBreach` in one without a tenant.
        """
        scope = db.current_scope()
        queryset = FencedQuerySet(self._model)
        return queryset if scope.fence_lifted_for else queryset.filter(**self.filter_for(scope))

    def filter_for(self, scope: db.Scope) -> dict[str, Any]:
        """Say which rows belong to the scope: its tenant's."""
        return {"tenant_id": _required(scope.tenant_id, self._model)}


class PathManager(FencedManager):
    """Sees the rows of every tenant on the path that is being priced."""

    def filter_for(self, scope: db.Scope) -> dict[str, Any]:
        """Say which rows belong to the scope: its path's."""
        return {"tenant_id__in": _required(scope.path, self._model)}


class PartyManager(FencedManager):
    """Shows a shop the rows of one beneficiary, and the core those of its tenant."""

    def filter_for(self, scope: db.Scope) -> dict[str, Any]:
        """Say which rows belong to the scope: its party's, or its tenant's."""
        if scope.role == db.SHOP:
            return {"party_id": _required(scope.party_id, self._model)}
        return super().filter_for(scope)


class TenantOwned(Model):
    """A row of one tenant, seen and changed by that tenant alone."""

    fence: ClassVar[type[FencedManager]] = FencedManager

    tenant_id = fields.UUIDField()

    class Meta:
        abstract = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._meta.manager = cls.fence()  # Tortoise does not inherit Meta.manager

    async def save(self, *args: Any, **options: Any) -> None:
        """Write the row; `FenceBreach` when it is another tenant's."""
        _refuse_foreign([self])
        await super().save(*args, **options)

    async def delete(self, *args: Any, **options: Any) -> None:
        """Delete the row; `FenceBreach` when it is another tenant's."""
        _refuse_foreign([self])
        await super().delete(*args, **options)

    async def refresh_from_db(self, *args: Any, **options: Any) -> None:
        """Read the row again; `FenceBreach` when it is another tenant's."""
        _refuse_foreign([self])
        await super().refresh_from_db(*args, **options)

    @classmethod
    def bulk_create(
        cls, objects: Iterable[Any], *args: Any, **options: Any
    ) -> BulkCreateQuery[Any]:
        """Insert rows; `FenceBreach` when one is another tenant's."""
        rows = list(objects)
        _refuse_foreign(rows)
        return super().bulk_create(rows, *args, **options)

    @classmethod
    def raw(cls, sql: str, *args: Any, **options: Any) -> RawSQLQuery:
        """Refuse: the ORM cannot fence SQL that it does not write."""
        raise FenceBreach("raw SQL goes through kernel.db")


class PathOwned(TenantOwned):
    """A row of one tenant that its descendants' prices depend on."""

    fence = PathManager

    class Meta:
        abstract = True


class PartyOwned(TenantOwned):
    """A row of one tenant's sale that belongs to one beneficiary."""

    fence = PartyManager

    class Meta:
        abstract = True


def _required(value: Any, model: type[Model]) -> Any:
    if not value:
        raise FenceBreach(f"{model.__name__} rows were asked for without saying whose")
    return value


def _refuse_foreign(rows: Iterable[Model]) -> None:
    scope = db.current_scope()
    if scope.fence_lifted_for:
        return
    for row in rows:
        if scope.tenant_id is None or getattr(row, "tenant_id", None) != scope.tenant_id:
            raise FenceBreach(f"a {type(row).__name__} of another tenant")
