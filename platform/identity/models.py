"""Who calls: customers, staff, API clients, and their tokens.

`memberships`, `api_client_uses`, `attempt_counters` and `idempotency_records` have keys of several
columns, which the ORM cannot express: they are read and written in SQL.
"""

from enum import StrEnum

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import SqlDefault
from tortoise.models import Model

from identity.contact import ContactKind
from kernel.ids import new_id
from tenants.scope import TenantOwned


class AccountStatus(StrEnum):
    """Whether a person may sign in and act."""

    ACTIVE = "ACTIVE"
    FROZEN = "FROZEN"


class ApiClientStatus(StrEnum):
    """Whether a program may call."""

    ACTIVE = "ACTIVE"
    REVOKED = "REVOKED"


class StaffRole(StrEnum):
    """What a member of a tenant's staff may do there."""

    OWNER = "OWNER"
    FINANCE = "FINANCE"
    SUPPORT = "SUPPORT"
    CATALOGUE = "CATALOGUE"
    READ_ONLY = "READ_ONLY"


class InvitationOutcome(StrEnum):
    """How an invitation has ended; an open one has none."""

    ACCEPTED = "ACCEPTED"
    WITHDRAWN = "WITHDRAWN"
    REPLACED = "REPLACED"


class StaffEventKind(StrEnum):
    """What was given or taken."""

    INVITED = "INVITED"
    INVITATION_WITHDRAWN = "INVITATION_WITHDRAWN"
    JOINED = "JOINED"
    ROLES_SET = "ROLES_SET"
    REMOVED = "REMOVED"
    CLIENT_CREATED = "CLIENT_CREATED"
    CLIENT_UPDATED = "CLIENT_UPDATED"
    CLIENT_ROTATED = "CLIENT_ROTATED"
    CLIENT_REVOKED = "CLIENT_REVOKED"


class ApiScope(StrEnum):
    """What a program may do for its tenant: a column of the role × field table."""

    API_CATALOGUE_READ = "API_CATALOGUE_READ"
    API_PRICES_WRITE = "API_PRICES_WRITE"
    API_ORDERS_READ = "API_ORDERS_READ"
    API_PURCHASE = "API_PURCHASE"
    API_BALANCE_READ = "API_BALANCE_READ"
    API_WEBHOOKS_WRITE = "API_WEBHOOKS_WRITE"


class TokenKind(StrEnum):
    """Who holds a token. A supplier's or an operator's belongs to no shop."""

    CUSTOMER = "CUSTOMER"
    STAFF = "STAFF"
    API_CLIENT = "API_CLIENT"
    AFFILIATE = "AFFILIATE"
    SUPPLIER = "SUPPLIER"
    OPERATOR = "OPERATOR"


class Customer(TenantOwned):
    """A buyer's account in one shop; the same person has another one in another shop.

    E-mail and phone are ciphertext; `*_index` finds them. A shop's transaction reads only
    id, name, status and created_at.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.TextField(default="")
    email = fields.BinaryField(null=True)
    email_index = fields.BinaryField(null=True)
    phone = fields.BinaryField(null=True)
    phone_index = fields.BinaryField(null=True)
    data_key_id = fields.SmallIntField(null=True)
    password_hash = fields.TextField(null=True)
    status = fields.CharEnumField(AccountStatus, default=AccountStatus.ACTIVE)
    # A tier that was given by hand wins while it lasts; `tier_id` is the one that holds.
    given_tier_id = fields.UUIDField(null=True)
    given_tier_until = fields.DatetimeField(null=True)
    earned_tier_id = fields.UUIDField(null=True)
    tier_id = fields.UUIDField(null=True, generated=True)
    tier_due_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))

    class Meta:
        table = "customers"


class SavedContactKind(StrEnum):
    """What a saved text is: where messages or goods go, or the account that goods are for."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    ADDRESS = "ADDRESS"
    ACCOUNT = "ACCOUNT"


class SavedContact(TenantOwned):
    """A text that a customer need not type again. `value` is ciphertext, `value_index` finds it;
    the slot bounds how many there are."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    customer_id = fields.UUIDField()
    slot = fields.SmallIntField()
    kind = fields.CharEnumField(SavedContactKind)
    value = fields.BinaryField()
    value_index = fields.BinaryField()
    data_key_id = fields.SmallIntField()
    used_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))

    class Meta:
        table = "saved_contacts"


class StaffUser(Model):
    """A person who works for one or more tenants, or for the platform.

    The account is ciphertext; `account_index` finds it. Without one nobody can sign in.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.TextField()
    status = fields.CharEnumField(AccountStatus, default=AccountStatus.ACTIVE)
    account = fields.BinaryField(null=True)
    account_index = fields.BinaryField(null=True)
    data_key_id = fields.SmallIntField(null=True)
    password_hash = fields.TextField(null=True)

    class Meta:
        table = "staff_users"


class StaffInvitation(TenantOwned):
    """A place on a tenant's staff, for whoever has the account and the token."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    account = fields.BinaryField()
    account_index = fields.BinaryField()
    data_key_id = fields.SmallIntField()
    roles = ArrayField("text")
    token_hash = fields.BinaryField()
    invited_by = fields.UUIDField()
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    expires_at = fields.DatetimeField()
    outcome = fields.CharEnumField(InvitationOutcome, null=True)

    class Meta:
        table = "staff_invitations"


class StaffEvent(TenantOwned):
    """Who gave what to whom. Append-only."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    happened_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    actor = fields.TextField()
    kind = fields.CharEnumField(StaffEventKind)
    subject_id = fields.UUIDField()
    rights_before = ArrayField("text", default=list)
    rights_after = ArrayField("text", default=list)

    class Meta:
        table = "staff_events"


class PasswordReset(TenantOwned):
    """A link that sets a new password, of a customer or of a staff login; good once."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    customer_id = fields.UUIDField(null=True)
    staff_id = fields.UUIDField(null=True)
    contact_kind = fields.CharEnumField(ContactKind)
    origin = fields.TextField()
    token_hash = fields.BinaryField()
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    expires_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "password_resets"


class ApiClient(TenantOwned):
    """A program that acts for one tenant within its scopes."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.TextField()
    scopes = ArrayField("text")
    status = fields.CharEnumField(ApiClientStatus, default=ApiClientStatus.ACTIVE)
    allowed_networks = ArrayField("cidr", null=True)
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))

    class Meta:
        table = "api_clients"


class AccessToken(Model):
    """A bearer token, as its SHA-256. Platform class: it is looked up before a tenant is known."""

    token_hash = fields.BinaryField(primary_key=True)
    kind = fields.CharEnumField(TokenKind)
    tenant_id = fields.UUIDField(null=True)
    principal_id = fields.UUIDField()
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    expires_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "access_tokens"
