"""Whose deposit it is: a supplier's or a shop's. Affiliates put nothing down."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from billing import accounts
from billing.ledger import Account
from kernel import db

PartyKind = Literal["SUPPLIER", "TENANT"]


@dataclass(frozen=True, slots=True)
class DepositParty:
    """Who has put a deposit down, and in which currency.

    `tenant_id` is behind whose fence its rows stand: a supplier's are the root's.
    """

    kind: PartyKind
    id: UUID
    tenant_id: UUID
    currency: str

    @property
    def free(self) -> Account:
        """What no case holds."""
        return accounts.deposit_free(self.id, self.currency)

    @property
    def held(self) -> Account:
        """What cases hold."""
        return accounts.deposit_held(self.id, self.currency)

    @property
    def scope(self) -> db.Scope:
        """The scope of a transaction about this deposit."""
        return db.core_scope(self.tenant_id)
