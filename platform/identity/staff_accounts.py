"""The account of a staff login: one e-mail address or phone number, over all tenants."""

from dataclasses import dataclass
from uuid import UUID

from identity.contact import ContactKind, open_field, recognised, seal_field
from kernel import crypto
from kernel.crypto import Sealed

LOGINS = "staff_users.account"
INVITATIONS = "staff_invitations.account"


@dataclass(frozen=True, slots=True)
class StaffAccount:
    """An account in its one spelling."""

    kind: ContactKind
    value: str

    @property
    def index(self) -> bytes:
        """What finds the account; a customer's of the same address is another one."""
        return crypto.blind_index(f"staff-{self.kind}", self.value)

    def sealed_for(self, row_id: UUID, *, column: str) -> Sealed:
        """Encrypt it for one row of `LOGINS` or `INVITATIONS`."""
        return seal_field(self.value, row_id=row_id, column=column)


def staff_account(text: str) -> StaffAccount:
    """Read an e-mail address or a phone number; `Invalid` when it is neither."""
    return StaffAccount(*recognised(text))


def opened_account(sealed: Sealed, row_id: UUID, *, column: str) -> str:
    """Decrypt an account of `LOGINS` or `INVITATIONS`."""
    return open_field(sealed, row_id=row_id, column=column)
