"""How a tenant comes into being: applied for in a parent's shop, or with a parent's invitation.

Everything here is a part of the transaction of `identity.founders`, which adds the owner. A new
tenant has what a shop needs from the start: its place in the tree, a host below the platform's
own, the parent's currency and language, and a version of its catalogue (by a trigger). It opens
when `tenants.reviews` has let it.
"""

import re
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from kernel import crypto, db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from kernel.settings import settings
from tenants.directory import TenantRestricted
from tenants.life import LifeChange, TenantStatus

MAX_OPEN_APPLICATIONS: Final = 100
"""Below one parent. More are asked to wait until the platform has looked at these."""

LONGEST_NAME: Final = 80
LONGEST_CONTACT: Final = 200

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,38}[a-z0-9]")
#: Hosts that a visitor would take for the platform's own.
_RESERVED: Final = frozenset(
    """admin api app assets cdn console demo dns docs ftp help imap kameng localhost mail ns
    ns1 ns2 official pay payment payments platform root security shop smtp static status support
    test webmail www""".split()
)


@dataclass(frozen=True, slots=True)
class Application:
    """What an applicant says of the shop that is to be."""

    slug: str
    name: str
    contact: str


@dataclass(frozen=True, slots=True)
class Contract:
    """What holds between the new tenant and its parent."""

    on_parent_loss: str = "FREEZE"
    settlement_mode: str = "PLATFORM_COLLECT"


@dataclass(frozen=True, slots=True)
class Founded:
    """A tenant that was just made."""

    id: UUID
    slug: str
    host: str
    status: TenantStatus = TenantStatus.APPLIED


# Locked against other applications, which are counted, and against a loss of the parent.
_PARENT = """
select depth, max_child_depth, stands(status) as stands from tenants where id = $1
for no key update
"""
_WAITING = "select count(*) from tenants where parent_id = $1 and status = 'APPLIED'"
_TENANT = """
insert into tenants (id, parent_id, path, kind, slug, name, status, currency, locale,
                     settlement_mode, on_parent_loss, contact, contact_key_id)
select $1, parent.id, '{}', 'AGENT', $3, $4, 'APPLIED', parent.currency, parent.locale,
       $5, $6, $7, $8
from tenants parent where parent.id = $2
on conflict (slug) do nothing returning id
"""
_DOMAIN = """
insert into tenant_domains (tenant_id, id, host, kind, is_primary, verified_at)
values ($1, $2, $3, 'SUBDOMAIN', true, platform_now())
on conflict (host) where verified_at is not null do nothing returning id
"""
_EVENT = """
insert into tenant_events (tenant_id, id, change, to_status, actor)
values ($1, $2, $3, 'APPLIED', $4)
"""


async def found(
    application: Application, contract: Contract, *, tenant_id: UUID, parent_id: UUID, actor: str
) -> Founded:
    """Write a tenant that has applied, in the open transaction of a lifted fence.

    Raises `Invalid` for words that are none, a slug that is taken, a tree that grows no deeper
    here or a parent with too many applications, `TenantRestricted` below a tenant that is lost.
    """
    wanted = _checked(application)
    await _require_room(parent_id)
    sealed = crypto.keyring().seal(wanted.contact.encode(), bound_to=_contact_name(tenant_id))
    written = await db.fetch_value(
        _TENANT,
        tenant_id,
        parent_id,
        wanted.slug,
        wanted.name,
        contract.settlement_mode,
        contract.on_parent_loss,
        sealed.ciphertext,
        sealed.key_id,
    )
    host = host_of(wanted.slug)
    if written is None or not await db.fetch_value(_DOMAIN, tenant_id, new_id(), host):
        raise Invalid("This name is taken.", field="slug")
    await db.execute(_EVENT, tenant_id, new_id(), LifeChange.APPLY, actor)
    return Founded(tenant_id, wanted.slug, host)


def host_of(slug: str) -> str:
    """The host below the platform's own at which a tenant's shop always answers."""
    return f"{slug}.{settings().shop_domain_suffix}"


def contact_of(row: Any) -> str | None:
    """Open a tenant's contact: its id, `contact` and `contact_key_id`."""
    if row["contact"] is None:
        return None
    sealed = crypto.Sealed(row["contact_key_id"], row["contact"])
    return crypto.keyring().unseal(sealed, bound_to=_contact_name(row["id"])).decode()


def _contact_name(tenant_id: UUID) -> bytes:
    return f"tenants.contact:{tenant_id}".encode()


async def _require_room(parent_id: UUID) -> None:
    parent = await db.fetch_row(_PARENT, parent_id)
    if parent is None:
        raise NotFound("There is no such tenant.")
    if not parent["stands"]:
        raise TenantRestricted("No shop can be opened here at the moment.")
    if parent["depth"] >= parent["max_child_depth"]:
        raise Invalid("No shop may stand below this one.")
    if await db.fetch_value(_WAITING, parent_id) >= MAX_OPEN_APPLICATIONS:
        raise TenantRestricted("Too many applications are waiting here: try again later.")


def _checked(application: Application) -> Application:
    slug = crypto.normalised(application.slug).lower()
    if _SLUG.fullmatch(slug) is None or slug in _RESERVED or slug[2:4] == "--":
        raise Invalid(
            "A shop's name in its address has 3 to 40 letters a-z, digits and hyphens.",
            field="slug",
        )
    name, contact = crypto.normalised(application.name), crypto.normalised(application.contact)
    if not _is_printable(name, longest=LONGEST_NAME):
        raise Invalid(f"A name has 1 to {LONGEST_NAME} printable characters.", field="name")
    if not _is_printable(contact, longest=LONGEST_CONTACT):
        raise Invalid(
            f"A contact has 1 to {LONGEST_CONTACT} printable characters.", field="contact"
        )
    return Application(slug, name, contact)


def _is_printable(text: str, *, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable()
