"""What one transaction may see: its role, its tenant, the tenant's path, and its party."""

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from kernel.fence import SCOPE_SETTINGS
from kernel.orm import CORE, SHOP

actor: ContextVar[str] = ContextVar("actor", default="")
"""Who decides, as the audit log names people and programs; empty: a buyer, or the platform."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What one transaction may see."""

    role: str
    tenant_id: UUID | None = None
    path: tuple[UUID, ...] = ()
    party_id: UUID | None = None
    fence_lifted_for: str = ""

    @property
    def values(self) -> tuple[str, ...]:
        """What the settings of `SCOPE_SETTINGS` are in this scope."""
        return (
            str(self.tenant_id or ""),
            ",".join(map(str, self.path)),
            str(self.party_id or ""),
            self.fence_lifted_for.replace("'", ""),
        )

    def begin_statement(self, read_only: bool, one_picture: bool = False) -> str:
        """BEGIN and the scope in one round trip. Only UUIDs and our own words get in here."""
        isolation = " isolation level repeatable read" if one_picture else ""
        begin = f"begin{isolation}{' read only' if read_only else ''}"
        pairs = [*zip(SCOPE_SETTINGS, self.values, strict=True)]
        if actor.get() and not read_only:
            pairs.append(("app.actor", actor.get()))
        calls = ",".join(f"set_config('{name}','{value}',true)" for name, value in pairs)
        return f"{begin};select {calls}"


def shop_scope(tenant_id: UUID, *, party_id: UUID | None = None) -> Scope:
    """Read one tenant's own rows, and the shares of one party."""
    return Scope(SHOP, tenant_id, party_id=party_id)


def core_scope(tenant_id: UUID | None = None, *, path: Sequence[UUID] = ()) -> Scope:
    """Act for one tenant, or for none: then only platform tables can be seen."""
    return Scope(CORE, tenant_id, tuple(path))


def every_tenant(*, reason: str) -> Scope:
    """Lift the fence, loudly: for the worker's sweeps and for operators."""
    if not reason:
        raise ValueError("lifting the fence takes a reason")
    return Scope(CORE, fence_lifted_for=reason)
