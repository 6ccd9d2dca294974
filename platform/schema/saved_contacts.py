"""What a customer need not type again."""

from enum import Enum
from typing import Annotated

import strawberry

from identity import saved_contacts as saving
from identity.models import SavedContactKind as StoredKind
from kernel.ids import parse_id, public_id
from schema.context import Context, Info
from schema.problems import Problem, Refusals


@strawberry.enum
class SavedContactKind(Enum):
    """Where messages or goods go, or the account that goods are for."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    ADDRESS = "ADDRESS"
    ACCOUNT = "ACCOUNT"


@strawberry.type(description="A text that the customer need not type again.")
class SavedContact:
    """At most twenty are kept, the last used first."""

    id: strawberry.ID
    kind: SavedContactKind
    value: str


@strawberry.input
class ContactSaveInput:
    """A text to keep; one that is kept already becomes the last used."""

    kind: SavedContactKind
    value: str


@strawberry.input
class ContactForgetInput:
    """A saved text that is to be deleted."""

    contact_id: strawberry.ID


@strawberry.type
class ContactsChanged:
    """What is kept after the change."""

    saved_contacts: list[SavedContact] = strawberry.field(metadata={"assumed_size": 20})


ContactsPayload = Annotated[ContactsChanged | Problem, strawberry.union("ContactsPayload")]


@strawberry.type
class SavedContactMutation:
    """Keeping and deleting."""

    @strawberry.mutation(description="Keep a text for later orders.", extensions=[Refusals()])
    async def contact_save(self, info: Info, input: ContactSaveInput) -> ContactsPayload:
        """Keep it, or note that it was used."""
        context = info.context
        assert context.customer_id is not None  # the role × field table lets only customers in
        await saving.save_contact(
            tenant_id=context.shop.id,
            customer_id=context.customer_id,
            kind=StoredKind(input.kind.value),
            value=input.value,
        )
        return ContactsChanged(saved_contacts=await own_saved_contacts(context))

    @strawberry.mutation(description="Delete a kept text.", extensions=[Refusals()])
    async def contact_forget(self, info: Info, input: ContactForgetInput) -> ContactsPayload:
        """Delete it."""
        context = info.context
        assert context.customer_id is not None  # the role × field table lets only customers in
        await saving.forget_contact(
            tenant_id=context.shop.id,
            customer_id=context.customer_id,
            contact_id=parse_id("sct", input.contact_id, field="contactId"),
        )
        return ContactsChanged(saved_contacts=await own_saved_contacts(context))


async def own_saved_contacts(context: Context) -> list[SavedContact]:
    """Read what the signed-in customer keeps."""
    assert context.customer_id is not None
    found = await saving.saved_contacts(tenant_id=context.shop.id, customer_id=context.customer_id)
    return [
        SavedContact(
            id=strawberry.ID(public_id("sct", one.id)),
            kind=SavedContactKind(one.kind.value),
            value=one.value,
        )
        for one in found
    ]
