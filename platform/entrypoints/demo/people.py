"""The demo's people: customers with money, staff, a program, an affiliate and an operator."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from billing import payments
from billing.payment_methods.base import ChannelReport
from entrypoints.demo.records import (
    AffiliateRecord,
    ApiClientRecord,
    CustomerRecord,
    Demo,
    OperatorRecord,
    StaffRecord,
)
from entrypoints.demo.rows import demo_id, insert_missing
from entrypoints.demo.shops import shop_id
from identity.customers import create_customer, find_by_contact
from identity.passwords import hash_password
from identity.staff_accounts import LOGINS, staff_account
from kernel import db
from orders import settlement

PASSWORD: Final = "demo-password"  # noqa: S105 - of everybody in the demo, and told to all
"""What every customer and every member of staff signs in with."""

CustomerIds = Mapping[CustomerRecord, UUID]


def staff_id(member: StaffRecord) -> UUID:
    """Return the id of a member of staff."""
    return demo_id("staff", f"{member.shop}:{member.role}")


def staff_account_of(member: StaffRecord) -> str:
    """Return what a member of staff signs in with: `owner@xinghe.example`."""
    return f"{member.role.lower().replace('_', '-')}@{member.shop}.example"


def operator_id(operator: OperatorRecord) -> UUID:
    """Return the id of the operator."""
    return demo_id("operator", operator.name)


def api_client_id(client: ApiClientRecord) -> UUID:
    """Return the id of the program."""
    return demo_id("api client", f"{client.shop}:{client.name}")


def affiliate_id(affiliate: AffiliateRecord) -> UUID:
    """Return the id of the affiliate."""
    return demo_id("affiliate", f"{affiliate.shop}:{affiliate.code}")


async def load_customers(demo: Demo) -> tuple[int, CustomerIds]:
    """Open the accounts that are missing, each with money in its wallet.

    Returns how many accounts and top-ups that were, and every customer's id.
    """
    customers = demo.people.customers
    found = await asyncio.gather(*(_open_account(customer) for customer in customers))
    written = sum(opened + paid for _, opened, paid in found)
    ids = [customer_id for customer_id, _, _ in found]
    return written, dict(zip(customers, ids, strict=True))


async def _open_account(customer: CustomerRecord) -> tuple[UUID, bool, bool]:
    """The customer's id, whether the account was missing, and whether the money was."""
    tenant_id = shop_id(customer.shop)
    known = await find_by_contact(tenant_id=tenant_id, contact=customer.email)
    customer_id = known or await create_customer(
        tenant_id=tenant_id, name=customer.name, email=customer.email, password=PASSWORD
    )
    return customer_id, known is None, await _top_up(customer, customer_id)


async def _top_up(customer: CustomerRecord, customer_id: UUID) -> bool:
    """Fill the wallet as a channel would: a payment, and then the news that its money has come."""
    payment_id = demo_id("top-up", str(customer_id))
    async with db.transaction(db.core_scope(shop_id(customer.shop))):
        payment = await payments.by_id(payment_id)
        if payment is None:
            await _give_tier(customer, customer_id)
            payment = await payments.open_payment(
                payments.draft(
                    payment_id=payment_id,
                    tenant_id=shop_id(customer.shop),
                    purpose="TOP_UP",
                    order_id=None,
                    customer_id=customer_id,
                    method="CARD",
                    currency=customer.wallet.currency,
                    channel_minor=customer.wallet.amount_minor,
                    wallet_minor=0,
                )
            )
    if not payment.open:
        return False
    heard = await settlement.hear(_money_has_come(payment))
    return heard.effect == "TOPPED_UP"


async def _give_tier(customer: CustomerRecord, customer_id: UUID) -> None:
    """Once, with the money: who has been given another tier meanwhile keeps that."""
    if customer.tier is not None:
        await db.execute(
            "update customers set given_tier_id = $1 where id = $2",
            demo_id("tier", f"{customer.shop}:{customer.tier}"),
            customer_id,
        )


def _money_has_come(payment: payments.Payment) -> ChannelReport:
    return ChannelReport(
        provider=payment.provider,
        event_id=f"demo:{payment.id}",
        kind="payment_intent.succeeded",
        state="SUCCEEDED",
        provider_ref=f"demo_{payment.id.hex}",
        payment_id=payment.id,
        amount_minor=payment.channel_minor,
        currency=payment.currency,
    )


async def load_partners(demo: Demo, customers: CustomerIds) -> int:
    """Add the staff, the program, the affiliate and the operator; counts rows.

    `customers` holds the affiliate's own account, whose orders thank nobody.
    """
    people = demo.people
    return (
        await _load_staff_users(demo)
        + await _load_staff_logins(demo.people.staff)
        + sum([await _load_membership(member) for member in people.staff])
        + await _load_api_client(people.api_client)
        + await _load_affiliate(people.affiliate, customers)
    )


async def _load_staff_users(demo: Demo) -> int:
    people = demo.people
    names = {staff_id(member): member.name for member in people.staff}
    names[operator_id(people.operator)] = people.operator.name
    async with db.transaction(db.core_scope()):
        return await insert_missing(
            "staff_users",
            [{"id": key, "name": name, "status": "ACTIVE"} for key, name in names.items()],
        )


async def _load_staff_logins(staff: Sequence[StaffRecord]) -> int:
    """Give those a password who have none."""
    by_id = {staff_id(member): member for member in staff}
    without = await db.read(
        db.core_scope(),
        "select id from staff_users where id = any ($1) and account_index is null",
        list(by_id),
    )
    for row in without:
        account = staff_account(staff_account_of(by_id[row["id"]]))
        sealed = account.sealed_for(row["id"], column=LOGINS)
        password_hash = await hash_password(PASSWORD)
        async with db.transaction(db.core_scope()):
            await db.execute(
                """update staff_users set account = $2, account_index = $3, data_key_id = $4,
                          password_hash = $5
                   where id = $1 and account_index is null""",
                row["id"],
                sealed.ciphertext,
                account.index,
                sealed.key_id,
                password_hash,
            )
    return len(without)


async def _load_membership(member: StaffRecord) -> int:
    tenant_id = shop_id(member.shop)
    async with db.transaction(db.core_scope(tenant_id)):
        return await insert_missing(
            "memberships",
            [{"tenant_id": tenant_id, "staff_id": staff_id(member), "roles": [member.role]}],
        )


async def _load_api_client(client: ApiClientRecord) -> int:
    row = {
        "tenant_id": shop_id(client.shop),
        "id": api_client_id(client),
        "name": client.name,
        "scopes": client.scopes,
        "status": "ACTIVE",
    }
    async with db.transaction(db.core_scope(shop_id(client.shop))):
        return await insert_missing("api_clients", [row])


async def _load_affiliate(affiliate: AffiliateRecord, customers: CustomerIds) -> int:
    own_account = (affiliate.shop, affiliate.email)
    by_address = {(customer.shop, customer.email): key for customer, key in customers.items()}
    program = {
        "tenant_id": shop_id(affiliate.shop),
        "id": demo_id("program", f"{affiliate.shop}:{affiliate.program}"),
        "name": affiliate.program,
        "rate_bp": affiliate.rate_bp,
        "status": "ACTIVE",
    }
    row = {
        "tenant_id": program["tenant_id"],
        "id": affiliate_id(affiliate),
        "program_id": program["id"],
        "customer_id": by_address[own_account],
        "name": affiliate.name,
        "code": affiliate.code,
        "status": "ACTIVE",
    }
    async with db.transaction(db.core_scope(shop_id(affiliate.shop))):
        return await insert_missing("affiliate_programs", [program]) + await insert_missing(
            "affiliates", [row]
        )
