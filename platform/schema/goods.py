"""The goods' desk: what buyers are asked for, how a SKU is delivered, and by whom by hand."""

from typing import Annotated

import strawberry

from catalog.forms.fields import MAX_CHOICES, MAX_FIELDS, MAX_TEXT, Choice, FieldKind, define_form
from catalog.forms.fields import FormField as StoredField
from catalog.goods import DeliveryTerms, set_delivery
from catalog.models import DeliveryMode as StoredMode
from kernel.errors import Invalid
from kernel.ids import parse_id, public_id
from offers.delivery_modes import allowed_modes
from schema.context import Info
from schema.delivery_modes import DeliveryMode
from schema.forms import FormField, FormFieldKind, form_field
from schema.inputs import amount_in
from schema.money import Money, MoneyInput, amount
from schema.problems import Problem, Refusals
from supply.hand_listings import HandListing, list_by_hand


@strawberry.input
class FormChoiceInput:
    """One of the values of a SELECT."""

    value: str
    label_zh: str
    label_en: str = ""


@strawberry.input
class FormFieldInput:
    """A field of a form. Lengths are in characters; `least` and `most` bound a NUMBER; `pattern` is
    an ACCOUNT_ID's, in a subset of regular expressions. What is typed into a `sensitive` field is
    not shown."""

    name: str
    kind: FormFieldKind
    label_zh: str
    label_en: str = ""
    help_zh: str = ""
    help_en: str = ""
    required: bool = True
    sensitive: bool = False
    min_length: int = 1
    max_length: int = MAX_TEXT
    least: int | None = None
    most: int | None = None
    pattern: str = ""
    choices: list[FormChoiceInput] | None = None


@strawberry.input
class SkuFormDefineInput:
    """At most 12 fields; none asks buyers for nothing."""

    sku_id: strawberry.ID
    fields: list[FormFieldInput]


@strawberry.input
class SkuDeliveryUpdateInput:
    """`manualMinutes` is within how many minutes a person delivers; without it nobody does. Beside
    keys it lets buyers choose. `seats` is of a SHARED_KEY, for keys that are imported later."""

    sku_id: strawberry.ID
    delivery_mode: DeliveryMode
    seats: int = 1
    manual_minutes: int | None = None


@strawberry.input
class SupplierListingInput:
    """What a person of the supplier's delivers, and what a piece of it costs. Again with the same
    two it is the same listing at another price."""

    supplier_id: strawberry.ID
    sku_id: strawberry.ID
    supply_price: MoneyInput
    warranty_hours: int = 24


@strawberry.type
class SupplierListingWritten:
    """The listing, for which its supplier now declares what it can deliver."""

    listing_id: strawberry.ID
    sku_id: strawberry.ID
    supply_price: Money


@strawberry.type
class SkuFormDefined:
    """What buyers of the SKU are asked for from now on."""

    sku_id: strawberry.ID
    form_fields: list[FormField] = strawberry.field(metadata={"assumed_size": 2})


@strawberry.type
class SkuDeliveryUpdated:
    """How the SKU is delivered from now on."""

    sku_id: strawberry.ID
    delivery_modes: list[DeliveryMode] = strawberry.field(metadata={"assumed_size": 2})
    seats: int
    manual_minutes: int | None


SkuFormDefinePayload = Annotated[SkuFormDefined | Problem, strawberry.union("SkuFormDefinePayload")]
SkuDeliveryUpdatePayload = Annotated[
    SkuDeliveryUpdated | Problem, strawberry.union("SkuDeliveryUpdatePayload")
]
SupplierListingPayload = Annotated[
    SupplierListingWritten | Problem, strawberry.union("SupplierListingPayload")
]


@strawberry.type
class GoodsMutation:
    """Operators about goods, which are the same in every shop."""

    @strawberry.mutation(
        description="Say what buyers of a SKU are asked for.", extensions=[Refusals()]
    )
    async def sku_form_define(self, info: Info, input: SkuFormDefineInput) -> SkuFormDefinePayload:
        """Define a SKU's form."""
        fields = _fields(input.fields)
        await define_form(sku_id=parse_id("sku", input.sku_id, field="skuId"), fields=fields)
        shown = [form_field(one, info.context) for one in fields]
        return SkuFormDefined(sku_id=input.sku_id, form_fields=shown)

    @strawberry.mutation(description="Say how a SKU is delivered.", extensions=[Refusals()])
    async def sku_delivery_update(
        self, info: Info, input: SkuDeliveryUpdateInput
    ) -> SkuDeliveryUpdatePayload:
        """Set a SKU's delivery modes, seats and stated time."""
        mode, minutes = StoredMode(input.delivery_mode.value), input.manual_minutes
        terms = DeliveryTerms(mode=mode, seats=input.seats, manual_minutes=minutes)
        await set_delivery(sku_id=parse_id("sku", input.sku_id, field="skuId"), terms=terms)
        modes = allowed_modes({"delivery_mode": str(mode), "manual_minutes": minutes})
        return SkuDeliveryUpdated(
            sku_id=input.sku_id,
            delivery_modes=[DeliveryMode(one) for one in modes],
            seats=input.seats,
            manual_minutes=minutes,
        )

    @strawberry.mutation(
        description="List a SKU that a supplier delivers by hand.", extensions=[Refusals()]
    )
    async def supplier_listing_upsert(
        self, info: Info, input: SupplierListingInput
    ) -> SupplierListingPayload:
        """Make a listing by hand, or price it anew."""
        context = info.context
        price_minor = amount_in(input.supply_price, context, field="supplyPrice")
        listing_id = await list_by_hand(
            HandListing(
                supplier_id=parse_id("sup", input.supplier_id, field="supplierId"),
                sku_id=parse_id("sku", input.sku_id, field="skuId"),
                supply_price_minor=price_minor,
                currency=context.shop.currency,
                warranty_hours=input.warranty_hours,
            )
        )
        return SupplierListingWritten(
            listing_id=strawberry.ID(public_id("ofr", listing_id)),
            sku_id=input.sku_id,
            supply_price=amount(price_minor, context.shop.currency),
        )


def _fields(given: list[FormFieldInput]) -> list[StoredField]:
    """Read fields; what they may be is decided where they are stored."""
    if len(given) > MAX_FIELDS:
        raise Invalid(f"A form has at most {MAX_FIELDS} fields.", field="fields")
    if any(len(one.choices or ()) > MAX_CHOICES for one in given):
        raise Invalid(f"A choice is among 1 to {MAX_CHOICES}.", field="choices")
    return [
        StoredField(
            name=one.name,
            kind=FieldKind(one.kind.value),
            label_zh=one.label_zh,
            label_en=one.label_en,
            help_zh=one.help_zh,
            help_en=one.help_en,
            required=one.required,
            sensitive=one.sensitive,
            min_length=one.min_length,
            max_length=one.max_length,
            least=one.least,
            most=one.most,
            pattern=one.pattern,
            choices=tuple(
                Choice(choice.value, choice.label_zh, choice.label_en)
                for choice in one.choices or ()
            ),
        )
        for one in given
    ]
