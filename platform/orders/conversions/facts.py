"""What is known of an order that an affiliate has brought, and of who earns by it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from affiliates.fraud import Facts, Person
from identity.contact import ContactKind, open_contact, open_field, recognised
from kernel import crypto, db
from kernel.crypto import Sealed
from kernel.errors import Invalid

# Whoever earns by the order, the buyer as nobody's affiliate, and the shops of its path.
_PEOPLE: Final = """
with earning as (
    select affiliate.id, affiliate.name, affiliate.customer_id
    from affiliates affiliate where affiliate.id = any ($2::uuid[])
    union all
    select null, null, customer_id from orders where id = $1
)
select earning.name, earning.customer_id,
       array(select card.fingerprint from saved_cards card
             where card.customer_id = earning.customer_id) as cards,
       array_remove(array[customer.email_index, customer.phone_index], null) as contacts,
       array(select row(saved.id, saved.value, saved.data_key_id::int) from saved_contacts saved
             where saved.customer_id = earning.customer_id and saved.kind = 'ADDRESS') as addresses,
       array(select distinct click.visitor
             from attributions brought join affiliate_clicks click on click.id = brought.click_id
             join orders bought on bought.id = brought.order_id
             where bought.tenant_id = current_tenant_id()
               and bought.customer_id = earning.customer_id and brought.order_id <> $1
             limit 20) as devices,
       array(select method.holder_index from payout_methods method
             where method.party_id = earning.id and method.holder_index is not null) as payouts
from earning left join customers customer on customer.id = earning.customer_id
"""
_ORDER: Final = """
select orders.id, orders.contact, orders.contact_key_id, click.visitor,
       attribution.made_at - attribution.clicked_at as click_to_order,
       coalesce(attribution.passed_over_at > attribution.made_at - interval '30 minutes', false)
           as another_led_here,
       (select count(*) from affiliate_clicks other
        where other.affiliate_id = attribution.affiliate_id and other.address = click.address
          and other.clicked_at between click.clicked_at - interval '1 hour' and click.clicked_at
       ) as clicks_of_address,
       array(select method.holder_index from payout_methods method
             where method.party_id = any (orders.path) and method.holder_index is not null)
           as sellers
from attributions attribution
join orders on (orders.id, orders.tenant_id) = (attribution.order_id, attribution.tenant_id)
left join affiliate_clicks click on click.id = attribution.click_id
where attribution.order_id = $1
"""


async def facts_of(order_id: UUID, affiliate_ids: Iterable[UUID]) -> Facts:
    """Gather what the rules ask for; in a transaction of the order's shop."""
    order = await db.fetch_row(_ORDER, order_id)
    assert order is not None
    people = await db.fetch(_PEOPLE, order_id, list(affiliate_ids))
    contact = _contact_of(order)
    buyer = Person(
        contacts=frozenset({crypto.blind_index(*contact)}) if contact else frozenset(),
        devices=frozenset({order["visitor"]}) if order["visitor"] else frozenset(),
    )
    for row in people:
        if row["name"] is None:
            buyer = buyer | _person(row)
    return Facts(
        buyer=buyer,
        affiliates={row["name"]: _person(row) for row in people if row["name"] is not None},
        sellers=Person(payouts=frozenset(order["sellers"])),
        mail_domain=contact[1].rpartition("@")[2] if contact and "@" in contact[1] else None,
        click_to_order=order["click_to_order"],
        clicks_of_address=order["clicks_of_address"],
        another_led_here=order["another_led_here"],
    )


def _contact_of(order: Mapping[str, Any]) -> tuple[ContactKind, str] | None:
    """Where the order's messages go, as it is compared; it is not kept."""
    if order["contact"] is None:
        return None
    sealed = Sealed(order["contact_key_id"], order["contact"])
    try:
        return recognised(open_contact(sealed, bound_to=order["id"]))
    except Invalid:
        return None


def _person(row: Mapping[str, Any]) -> Person:
    own = {row["customer_id"].bytes} if row["customer_id"] else set()
    return Person(
        accounts=frozenset(own),
        cards=frozenset(row["cards"]),
        contacts=frozenset(row["contacts"]),
        addresses=frozenset(_address_hash(*one) for one in row["addresses"]),
        devices=frozenset(row["devices"]),
        payouts=frozenset(row["payouts"]),
    )


def _address_hash(row_id: UUID, value: bytes, key_id: int) -> bytes:
    sealed = Sealed(key_id, value)
    text = open_field(sealed, row_id=row_id, column="saved_contacts.value")
    return crypto.blind_index("address-of-goods", "".join(text.split()))
