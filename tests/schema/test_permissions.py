"""Who may ask for what: every field × every role, against the table, over generated documents."""

import re
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import combinations
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLUnionType,
    get_named_type,
    is_required_argument,
)

from identity.models import ApiScope, StaffRole, TokenKind
from identity.tokens import Caller
from isolation.api import Api
from isolation.checksums import Witness, changed
from isolation.documents import (
    RootField,
    document,
    root_fields,
    schema_fields,
    variables,
)
from isolation.matrix import callers
from isolation.neighbours import Neighbourhood
from isolation.slots import Ask, right_values
from lone_shop import LONE_SHOP
from schema.context import Context
from schema.field_table import GRANTS
from schema.field_table.roles import EVERYONE
from schema.permissions import FORBIDDEN, forbidden_fields
from schema.rights import rights_of
from schema.root import schema

KNOW_COSTS = {
    "STAFF_OWNER",
    "STAFF_FINANCE",
    "STAFF_CATALOGUE",
    "API_CATALOGUE_READ",
    "API_PRICES_WRITE",
}
KEY_HOLDERS = {"ANONYMOUS", "CUSTOMER", "STAFF_OWNER", "STAFF_FINANCE", "API_PURCHASE"}
#: Said once more and by hand: a slip of the pen in the table is noticed here.
SENSITIVE = {
    "OwnPrice.cost": {*KNOW_COSTS},
    "OwnPrice.margin": {*KNOW_COSTS},
    "Mutation.staffInvite": {"STAFF_OWNER"},
    "Mutation.staffSetRoles": {"STAFF_OWNER"},
    "Mutation.staffRemove": {"STAFF_OWNER"},
    "StaffInvited.token": {"STAFF_OWNER"},
    "StaffMember.account": {"STAFF_OWNER"},
    "Mutation.apiClientCreate": {"STAFF_OWNER"},
    "Mutation.apiClientRotate": {"STAFF_OWNER"},
    "ApiClientSecret.secret": {"STAFF_OWNER"},
    "Mutation.storefrontUpdate": {"STAFF_OWNER", "STAFF_CATALOGUE"},
    "SupplierListing.supplyPrice": {"SUPPLIER"},
    "Supplier.name": {"SUPPLIER"},
    "TrialBalanceRow.balance": {"OPERATOR"},
    "Query.reconciliationItems": {"OPERATOR"},
    "Mutation.reconciliationItemResolve": {"OPERATOR"},
    "Mutation.payoutGateSet": {"OPERATOR"},
    "Tenant.balances": {"STAFF_OWNER", "STAFF_FINANCE", "API_BALANCE_READ"},
    "TenantBalances.owed": {"STAFF_OWNER", "STAFF_FINANCE"},
    "Query.tradeLedger": {"STAFF_OWNER", "STAFF_FINANCE", "API_BALANCE_READ"},
    "Query.purchases": {"STAFF_OWNER", "STAFF_FINANCE", "API_PURCHASE"},
    "Mutation.purchaseAtCost": {"STAFF_OWNER", "STAFF_FINANCE", "API_PURCHASE"},
    "Mutation.transferToChild": {"STAFF_OWNER", "STAFF_FINANCE"},
    "Mutation.tradeBalanceTopUp": {"STAFF_OWNER", "STAFF_FINANCE"},
    "Mutation.tradeBalanceCredit": {"OPERATOR"},
    "Mutation.couponCreate": {"STAFF_OWNER", "STAFF_FINANCE", "OPERATOR"},
    "CouponCodesGenerated.content": {"STAFF_OWNER", "STAFF_FINANCE", "OPERATOR"},
    "CouponPayer.partyId": {"STAFF_OWNER", "STAFF_FINANCE", "STAFF_CATALOGUE", "OPERATOR"},
    "Mutation.promoBudgetTopUp": {"STAFF_OWNER", "STAFF_FINANCE", "SUPPLIER", "OPERATOR"},
    "PromoBudget.held": {"STAFF_OWNER", "STAFF_FINANCE", "SUPPLIER", "OPERATOR"},
    "Query.tenantOrders": {
        "STAFF_OWNER",
        "STAFF_FINANCE",
        "STAFF_SUPPORT",
        "STAFF_CATALOGUE",
        "STAFF_READ_ONLY",
        "API_ORDERS_READ",
    },
    "Mutation.refundCreate": {"STAFF_OWNER", "STAFF_FINANCE", "OPERATOR"},
    "Mutation.keyReplace": {"STAFF_OWNER", "STAFF_FINANCE", "OPERATOR"},
    "Mutation.keyReveal": KEY_HOLDERS,
    "Mutation.keysExport": KEY_HOLDERS,
    "RevealedKey.secret": KEY_HOLDERS,
    "RevealedKey.salt": KEY_HOLDERS,
    "OrderCreated.guestToken": {"ANONYMOUS", "CUSTOMER"},
    "Customer.email": {"CUSTOMER"},
    "Customer.phone": {"CUSTOMER"},
    "Customer.wallet": {"CUSTOMER"},
    "Mutation.walletTopUp": {"CUSTOMER"},
    "Affiliate.commissions": {"AFFILIATE"},
}
_NAMED_AT_MOST = 5


def test_the_table_grants_the_schemas_fields_and_no_others() -> None:
    assert set(GRANTS) == schema_fields()
    assert all(roles and roles <= EVERYONE for roles in GRANTS.values())


@pytest.mark.parametrize("field", SENSITIVE)
def test_what_is_sensitive_is_granted_as_said_here(field: str) -> None:
    assert GRANTS[field] == SENSITIVE[field]


def test_no_role_and_an_unknown_role_are_denied_every_field() -> None:
    for roles in (frozenset[str](), frozenset({"EMPEROR"}), frozenset({""})):
        assert forbidden_fields(frozenset(GRANTS), roles) == sorted(GRANTS)


def test_a_field_that_the_table_does_not_know_is_denied_to_everybody() -> None:
    assert forbidden_fields(frozenset({"Query.newField"}), EVERYONE) == ["Query.newField"]


def test_an_owner_has_every_right_that_staff_or_a_program_can_have() -> None:
    """Nobody gives a right that they do not have: what an owner lacked, nobody could be given."""
    columns = [role for role in EVERYONE if role.startswith(("STAFF_", "API_"))]
    assert len(columns) == len(StaffRole) + len(ApiScope)
    for column in columns:
        assert rights_of(column) <= rights_of("STAFF_OWNER"), column


def test_support_cannot_make_finance_and_nobody_but_owners_an_owner() -> None:
    makes = {
        giver: {
            role for role in StaffRole if rights_of(f"STAFF_{role}") <= rights_of(f"STAFF_{giver}")
        }
        for giver in StaffRole
    }
    assert makes[StaffRole.OWNER] == set(StaffRole)
    assert makes[StaffRole.SUPPORT] == {StaffRole.SUPPORT, StaffRole.READ_ONLY}
    assert all(StaffRole.OWNER not in made for giver, made in makes.items() if giver != "OWNER")


def test_a_program_has_its_scopes_columns_and_no_others() -> None:
    both = frozenset({"API_PURCHASE", "API_ORDERS_READ"})
    caller = replace(_caller_of("API_CLIENT", roles=()), scopes=both)
    assert _context(caller).roles == both
    assert "API_CLIENT" not in EVERYONE


def test_several_roles_are_granted_what_any_of_them_is() -> None:
    staff = sorted(role for role in EVERYONE if role.startswith("STAFF_"))
    for one, other in combinations(staff, 2):
        forbidden = [
            set(forbidden_fields(frozenset(GRANTS), frozenset(roles)))
            for roles in ({one}, {other}, {one, other})
        ]
        assert forbidden[2] == forbidden[0] & forbidden[1]


async def test_each_field_is_refused_unless_the_table_grants_it() -> None:
    callers_of = {role: _caller(role) for role in sorted(EVERYONE)}
    callers_of["no role at all"] = _caller_of("STAFF", roles=())
    reached: set[str] = set()
    wrong: list[tuple[str, tuple[str, ...], list[str]]] = []
    # A document's roles come one after the other: it is read and validated once.
    for root, path in _ways():
        asked, text = {root.coordinate, *path}, _document_for(root, path)
        for role, caller in callers_of.items():
            expected = sorted(field for field in asked if role not in GRANTS[field])
            refused = await _refused(text, caller)
            if refused != expected[:_NAMED_AT_MOST]:
                wrong.append((role, path, refused))
        reached |= asked
    assert wrong == []
    assert reached == schema_fields()


@pytest.mark.parametrize(
    "text",
    [
        "query A { storefront { name } } query B { me { wallet { amountMinor } } }",
        "{ storefront { name } ...Mine } fragment Mine on Query { me { email } }",
        "{ storefront { name } ... on Query { harmless: me { id } } }",
        "query ($no: Boolean = false) { storefront { name } me @include(if: $no) { id } }",
        "{ storefront { name } me @skip(if: true) { id } }",
    ],
)
async def test_a_field_is_found_wherever_it_hides(text: str) -> None:
    context = _context(None)
    result = await schema.execute(
        text, context_value=context, operation_name="A" if "query A" in text else None
    )
    assert result.data is None
    assert _codes(result.errors) == [FORBIDDEN]


@pytest.mark.engines
async def test_a_refused_mutation_has_written_nothing(
    town: Neighbourhood, owner: asyncpg.Connection, api: Api
) -> None:
    witness = await Witness.of(owner)
    before = await witness.everything()
    refused = 0
    for caller in callers(town):
        for root in root_fields():
            ask = Ask(town, root, caller)
            if root.operation != "mutation" or ask.granted:
                continue
            given = variables(root, right_values(ask))
            answer = await api.ask(caller.shop, document(root, given), given, by=caller.person)
            assert answer.codes == {FORBIDDEN}, f"{root.coordinate} by {caller}"
            assert answer.data is None
            refused += 1
    assert refused > 100
    assert not changed(before, await witness.everything())


@pytest.mark.engines
async def test_a_member_of_staff_has_the_rights_of_all_roles_and_loses_them_at_once(
    town: Neighbourhood, owner: asyncpg.Connection, api: Api
) -> None:
    shop = town.at("shop").shop
    member = await town.world.staff("SUPPORT", "FINANCE", shop=shop)
    text = "{ tenant { name balances { available { amountMinor } } } }"
    assert not (await api.ask(shop, text, by=member)).refused
    await owner.execute(
        "update memberships set roles = array['SUPPORT'] where staff_id = $1", member.id
    )
    assert (await api.ask(shop, text, by=member)).codes == {FORBIDDEN}
    await owner.execute("delete from memberships where staff_id = $1", member.id)
    assert (await api.ask(shop, "{ storefront { name } }", by=member)).status == 401


def _ways() -> Iterator[tuple[RootField, tuple[str, ...]]]:
    """Ways from root fields down, `Type.field` by `Type.field`: as many as reach every field."""
    reached: set[str] = set()
    for root in root_fields():
        for path in _paths(root.definition.type, ()):
            if not reached >= (asked := {root.coordinate, *path}):
                reached |= asked
                yield root, path


def _paths(kind: GraphQLOutputType, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    named = get_named_type(kind)
    members = named.types if isinstance(named, GraphQLUnionType) else (named,)
    for member in members:
        if not isinstance(member, GraphQLObjectType):
            yield above
            continue
        for name, field in member.fields.items():
            yield from _paths(field.type, (*above, f"{member.name}.{name}"))


def _document_for(root: RootField, path: Sequence[str]) -> str:
    """A document that asks for one field, by one way, and runs nothing if it is let in."""
    inner = ""
    for step in reversed(path):
        type_name, _, field = step.partition(".")
        inner = f"{{ ... on {type_name} {{ {field} {inner} }} }}"
    required = {name for name, one in root.definition.args.items() if is_required_argument(one)}
    arguments = {name: root.definition.args[name].type for name in sorted(required)}
    if root.operation == "subscription" and not arguments:
        return _subscription_without_arguments(root, inner)
    declared = ", ".join(f"${name}: {kind}" for name, kind in arguments.items())
    passed = ", ".join(f"{name}: ${name}" for name in arguments)
    # A subscription has one field and no conditions; without its variables it runs nothing.
    only = "" if root.operation == "subscription" else "@skip(if: true)"
    return (
        f"{root.operation} {f'({declared})' if declared else ''} {{ {root.name}"
        f"{f'({passed})' if passed else ''} {only} {inner} }}"
    )


def _subscription_without_arguments(root: RootField, inner: str) -> str:
    """Such a one would run: a condition inside it asks for a variable that nobody gives."""
    conditional = re.sub(r"^{ (\.\.\. on \w+)", r"{ \1 @skip(if: $given)", inner)
    return f"subscription ($given: Boolean!) {{ {root.name} {conditional} }}"


async def _refused(text: str, caller: Caller | None) -> list[str]:
    """The fields that the refusal names; none when the document is let in."""
    context = _context(caller)
    if text.startswith("subscription"):
        async with aclosing(await schema.subscribe(text, context_value=context)) as events:
            result = await anext(events)
    else:
        result = await schema.execute(text, context_value=context)
    # Let in, it fails for want of its variables at most.
    assert set(_codes(result.errors)) <= {FORBIDDEN, "BAD_USER_INPUT"}, result.errors
    messages = [e.message for e in result.errors or [] if _codes([e]) == [FORBIDDEN]]
    return [
        field
        for message in messages
        if message.startswith("You may not ask for ")  # else nobody's token was refused, later on
        for field in message.removeprefix("You may not ask for ").removesuffix(".").split(", ")
    ]


def _codes(errors: Any) -> list[str]:
    return [(error.extensions or {}).get("code", "NONE") for error in errors or []]


def _context(caller: Caller | None) -> Context:
    return Context(
        shop=LONE_SHOP, caller=caller, ip="", user_agent="", english=True, origin="http://shop"
    )


def _caller(role: str) -> Caller | None:
    if role == "ANONYMOUS":
        return None
    if role.startswith("API_"):
        return replace(_caller_of("API_CLIENT", roles=()), scopes=frozenset({role}))
    kind, _, staff_role = role.partition("STAFF_")
    return _caller_of("STAFF" if staff_role else kind, roles=(staff_role,) if staff_role else ())


def _caller_of(kind: str, *, roles: Sequence[str], scopes: Sequence[str] = ()) -> Caller:
    return Caller(
        kind=TokenKind(kind),
        tenant_id=LONE_SHOP.id,
        principal_id=UUID(int=2),
        roles=frozenset(StaffRole(role) for role in roles),
        scopes=frozenset(scopes),
    )
