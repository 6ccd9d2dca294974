"""Every root field × every input that names something × everything foreign × every role."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from isolation.affiliate_holdings import be_ready_for
from isolation.api import Answer, Api
from isolation.checksums import Witness, changed
from isolation.documents import Leaf, Path, RootField, document, leaves_of, root_fields, variables
from isolation.forbidden import Secrets
from isolation.money_out import plant_challenge, plant_proof, put_money_out
from isolation.neighbours import (
    HeldOrder,
    Holdings,
    Neighbourhood,
    bring_domain,
    give_login,
    open_link,
    plant_invitation,
    plant_review,
)
from isolation.slots import AT_DESK, OF_OPERATORS, Ask, Caller, everything_of, right_values, slot_of
from kernel.ids import parse_id, public_id
from schema.field_table import GRANTS
from tenant_tree import put_into
from tenants import directory
from world import Person

TENANT_ROLES: Final = (
    "ANONYMOUS",
    "CUSTOMER",
    "STAFF_OWNER",
    "STAFF_FINANCE",
    "STAFF_SUPPORT",
    "STAFF_CATALOGUE",
    "STAFF_READ_ONLY",
    "API_CATALOGUE_READ",
    "API_PRICES_WRITE",
    "API_ORDERS_READ",
    "API_PURCHASE",
    "API_BALANCE_READ",
    "API_WEBHOOKS_WRITE",
    "AFFILIATE",
)
#: Who tries: everybody at the shop, some of its parent's, and the platform's own at the root. An
#: operator acts in every shop, but in one at a time.
CALLERS: Final = {
    "shop": (*TENANT_ROLES, "OPERATOR"),
    "agent": ("CUSTOMER", "STAFF_OWNER", "API_ORDERS_READ"),
    "root": ("ANONYMOUS", "STAFF_OWNER", "SUPPLIER", "OPERATOR"),
}
VICTIM: Final = "rival"
OWN: Final = "its own"
_SKU: Final = ("input", "lines", "skuId")
_QUANTITY: Final = ("input", "lines", "quantity")
#: What a guesser would repeat is counted.
_COUNTED: Final = (
    "signIn",
    "signUp",
    "staffSignIn",
    "staffInvitationAccept",
    "passwordChange",
    "passwordResetAsk",
    "stepUpStart",
    "stepUpConfirm",
    "tenantApply",
    "invitationAccept",
    "voucherRedeem",
)
#: The state in which a change of a child's, or of the caller's own, life begins.
_CHILDS_STATE: Final = {
    "tenantReview": "APPLIED",
    "tenantFactsRecord": "ACTIVE",
    "tenantRestrict": "ACTIVE",
    "tenantSuspend": "ACTIVE",
    "tenantReopen": "SUSPENDED",
    "tenantClose": "ACTIVE",
    "tenantTermsSet": "ACTIVE",
    "childTenantRestrict": "ACTIVE",
}
_OWN_STATE: Final = {"tenantApplyAgain": "REJECTED", "tenantCloseRequest": "ACTIVE"}
#: The state in which something is done about what a person delivers.
_MANUAL_STATE: Final = {
    "manualBegin": "DUE",
    "manualCorrectionAsk": "BEGUN",
    "manualDeliver": "BEGUN",
    "manualRefuse": "BEGUN",
    "orderLineCorrect": "NEEDS_CORRECTION",
    "orderLineCancel": "DUE",
}
_PRICE: Final = ("input", "expectedTotal", "amountMinor")


@dataclass(frozen=True)
class Case:
    """One request: what it is for, and how it differs from a right one."""

    root: RootField
    caller: Caller
    values: dict[Path, Any]
    about: str
    leaf: Leaf | None = None

    def __str__(self) -> str:
        return f"{self.root.coordinate} by {self.caller}: {self.about}"


@dataclass
class Report:
    """What came of a run."""

    leaks: list[str] = field(default_factory=list)
    leaking: set[str] = field(default_factory=set)
    covered: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)
    crashes: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    """Root fields that refused a right request of a role that is granted them."""
    cases: int = 0

    def leak(self, case: Case, what: str) -> None:
        """Note that a case got, or changed, what is not the caller's."""
        self.leaks.append(f"{case} -> {what}")
        self.leaking.add(case.root.coordinate)


def callers(town: Neighbourhood) -> list[Caller]:
    """List everybody who tries."""
    everywhere = town.at("root").people["OPERATOR"]
    return [
        Caller(
            role,
            town.at(slug).shop,
            everywhere if role == "OPERATOR" else town.at(slug).people.get(role),
            town.at(slug),
        )
        for slug, roles in CALLERS.items()
        for role in roles
    ]


def own_cases(town: Neighbourhood, *, roots: Collection[str] = ()) -> Iterator[Case]:
    """Make right requests: every caller × all root fields, or the named."""
    for ask in _asks(town, roots):
        yield Case(ask.root, ask.caller, right_values(ask), OWN)
        if ask.root.name == "quickBuy":
            at_another_price = {**right_values(ask), _PRICE: 1}
            yield Case(ask.root, ask.caller, at_another_price, "its own, at another price")
        if ask.root.name == "purchaseAtCost":
            scarce = public_id("sku", town.scarce.sku_id)
            too_many = {**right_values(ask), _SKU: scarce, ("input", "form", "skuId"): scarce}
            yield Case(ask.root, ask.caller, too_many | {_QUANTITY: 3}, "more than there is")


def first_cases(town: Neighbourhood) -> Iterator[Case]:
    """Make one right request of each root field, by the first who is granted it."""
    asked: set[str] = set()
    for ask in _asks(town, ()):
        if ask.granted and ask.root.coordinate not in asked:
            asked.add(ask.root.coordinate)
            yield Case(ask.root, ask.caller, right_values(ask), OWN)


def foreign_cases(
    town: Neighbourhood, *, roots: Collection[str] = (), shops: Collection[str] = CALLERS
) -> Iterator[Case]:
    """Set each input to each foreign value, alone and then all together."""
    for ask in _asks(town, roots):
        if ask.caller.shop.slug in shops:
            yield from _foreign_cases_of(ask)


def _asks(town: Neighbourhood, roots: Collection[str]) -> Iterator[Ask]:
    for caller in callers(town):
        for root in in_good_order(root_fields()):
            if not roots or root.coordinate in roots:
                yield Ask(town, root, caller)


def _foreign_cases_of(ask: Ask) -> Iterator[Case]:
    theirs = ask.town.at(VICTIM)
    borrowed = list(_borrowed(ask, theirs))
    if not ask.granted:  # refused before any value is looked at
        yield borrowed[0]
        return
    for leaf in leaves_of(ask.root):
        foreign = slot_of(leaf).foreign
        for value in foreign(ask, theirs) if foreign else ():
            values = {**right_values(ask, by_leaf=leaf), leaf.path: value}
            yield Case(ask.root, ask.caller, values, f"{leaf.coordinate} = {value}", leaf)
    yield from borrowed


def any_kind_cases(town: Neighbourhood) -> Iterator[Case]:
    """Set each input that names something to everything foreign, of any kind."""
    for ask in _asks(town, ()):
        for leaf in leaves_of(ask.root) if ask.granted and ask.caller.shop.slug == "shop" else ():
            values = everything_of(ask, town.at(VICTIM)) if slot_of(leaf).foreign else []
            for value in values:
                changed_values = {**right_values(ask, by_leaf=leaf), leaf.path: value}
                yield Case(ask.root, ask.caller, changed_values, f"{leaf.coordinate} = {value}")


def nobodys_case(town: Neighbourhood, case: Case) -> Case | None:
    """The same request with a value that is nobody's; None where that is no mistake."""
    ask = Ask(town, case.root, case.caller)
    if case.leaf is None or (nobodys := slot_of(case.leaf).nobodys) is None:
        return None
    needs_no_token = case.caller.role == "CUSTOMER" or case.caller.buys_at_cost
    if case.leaf.name == "guestToken" and needs_no_token:
        return None
    if case.leaf.name == "cartToken" and case.caller.role == "CUSTOMER":
        return None  # it has no need of a token
    if case.leaf.name == "cartToken" and case.root.name in ("signIn", "signUp"):
        return None  # whoever signs in has done so, whatever cart there is
    values = {**right_values(ask, by_leaf=case.leaf), case.leaf.path: nobodys(ask)}
    return Case(case.root, case.caller, values, f"{case.leaf.coordinate} is nobody's", case.leaf)


def _borrowed(ask: Ask, theirs: Holdings) -> Iterator[Case]:
    """The whole request of the other shop's buyers and staff, sent to this shop."""
    if ask.root.name in AT_DESK and ask.granted:
        return  # who delivers has the lines of every shop
    if ask.caller.role == "OPERATOR" and ask.root.name in OF_OPERATORS:
        return  # cases are an operator's, whoever's they are
    for role in ("CUSTOMER", "ANONYMOUS", "STAFF_OWNER"):
        other = Caller(role, theirs.shop, theirs.people.get(role), theirs)
        values = right_values(Ask(ask.town, ask.root, other))
        yield Case(ask.root, ask.caller, values, f"the whole request of {other}")


def in_good_order(roots: Sequence[RootField]) -> list[RootField]:
    """What needs something whole comes first, what ends something comes last."""
    last = (
        "cartLinesRemove",
        "keyReplace",
        "manualRefuse",
        "orderCancel",
        "orderLineCancel",
        "signOut",
        "webhookDelete",
        "voucherBatchVoid",
        "staffRemove",
        "apiClientRevoke",
    )
    return sorted(roots, key=lambda root: (root.name != "unrevealedReturn") + (root.name in last))


async def run(
    town: Neighbourhood, api: Api, cases: Iterable[Case], *, secrets: Secrets | None = None
) -> Report:
    """Send every case and look for what should not be there."""
    secrets = secrets or await Secrets.of(town)
    witness = await Witness.of(town.owner)
    victim_id = town.at(VICTIM).shop.id
    before = await witness.tenant(victim_id)
    kept = {str(caller): secrets.kept_from(caller) for caller in callers(town)}
    report = Report()
    for case in cases:
        answer = await send(town, api, case)
        report.cases += 1
        report.covered.add(case.root.coordinate)
        report.types |= set(_type_names(answer.body))
        if answer.status >= 500 or "INTERNAL" in answer.codes:
            report.crashes.append(f"{case} -> {answer.text}")
        granted = Ask(town, case.root, case.caller).granted
        if case.about == OWN and answer.refused and granted:
            report.refused.add(case.root.coordinate)
        for found in kept[str(case.caller)].found_in(answer):
            if found not in said_back(case):
                report.leak(case, found)
        # Who is not granted it is refused before any value is looked at: the end tells, too.
        if case.root.operation == "mutation" and granted:
            after = await witness.tenant(victim_id)
            if tables := changed(before, after):
                report.leak(case, f"changed {', '.join(sorted(tables))}")
                before = after
    if tables := changed(before, await witness.tenant(victim_id)):
        report.leaks.append(f"in the end {', '.join(sorted(tables))} had changed")
    return report


async def send(town: Neighbourhood, api: Api, case: Case) -> Answer:
    """Ask for everything that the caller's role is granted."""
    given = variables(case.root, case.values)
    role = case.caller.role
    may = role in GRANTS[case.root.coordinate]
    text = document(case.root, given, lambda name: not may or role in GRANTS.get(name, frozenset()))
    if case.root.name in _COUNTED:  # else the limit would answer for the fence
        await town.owner.execute("delete from attempt_counters")
    ask = Ask(town, case.root, case.caller)
    if may:
        await make_ready(ask, case.values, invited=case.about == OWN)
    by = case.caller.person
    if case.root.name == "signOut":
        by = await signed_in_again(town, case.caller)
    send_it = api.watch if case.root.operation == "subscription" else api.ask
    answer = await send_it(case.caller.shop, text, given, by=by)
    await make_good(ask)
    return answer


async def make_ready(ask: Ask, values: dict[Path, Any], *, invited: bool = True) -> None:
    """Let there be what a right request needs: a change in a life can be made once."""
    town, name, own = ask.town, ask.root.name, ask.caller.own
    if name in _MANUAL_STATE:
        await _put_line_into(town, ask.order, _MANUAL_STATE[name])
    if name in _CHILDS_STATE:
        await _put_into(town, own.child, _CHILDS_STATE[name])
    if name in ("disputeEvidenceSubmit", "disputeDecide"):
        await town.owner.execute("delete from dispute_answers where dispute_id = $1", own.dispute)
    if name in _OWN_STATE and len(ask.caller.shop.path) > 1:
        await _put_into(town, ask.caller.shop.id, _OWN_STATE[name])
    if name == "fastRefundAccept":  # it was delivered just now
        await town.owner.execute(
            "update delivered_keys set delivered_at = platform_now() where order_id = $1",
            ask.order.id,
        )
    if name.startswith("domain"):
        await bring_domain(town.owner, own)
        await town.owner.execute("update tenant_domains set asked_at = null")
    if name == "passwordReset" and invited:
        await open_link(town.owner, own)
    if name == "passwordChange" and ask.caller.person is not None:
        await give_login(town.owner, ask.caller.person.id)
    await _make_money_ready(ask)
    if name in ("affiliateReviewDecide", "appealCreate"):
        await plant_review(town.owner, own)
    if name.startswith("affiliate") and ask.caller.role == "CUSTOMER" and ask.caller.person:
        await be_ready_for(town.owner, name, own, ask.caller.person.id)
    if name == "invitationAccept" and invited:
        await plant_invitation(town.owner, ask.caller.shop, values["input", "token"])


async def _make_money_ready(ask: Ask) -> None:
    """Let there be a payout, a proof and a challenge for who moves money out."""
    town, name, own, person = ask.town, ask.root.name, ask.caller.own, ask.caller.person
    if not name.startswith(("payout", "stepUp")) or person is None:
        return
    role = ask.caller.role
    kind = "STAFF" if role.startswith("STAFF_") else role
    if name == "stepUpConfirm" and kind in ("STAFF", "OPERATOR"):
        await give_login(town.owner, person.id)
    if name == "stepUpConfirm":
        await plant_challenge(
            town.owner, parse_id("chl", own.challenge_for(role)), token=person.token, kind=kind,
            person_id=person.id,
        )  # fmt: skip
    await plant_proof(
        town.owner, name, proof=own.proof_for(role), token=person.token, kind=kind,
        person_id=person.id,
    )  # fmt: skip
    if name.startswith("payout"):
        await put_money_out(town.owner, name, own.paid_for(role))


async def _put_line_into(town: Neighbourhood, order: HeldOrder, state: str) -> None:
    """Take an open delivery by hand back, or forward; one that has ended stays so."""
    async with town.owner.transaction():
        await town.owner.execute("set local session_replication_role = replica")
        await town.owner.execute(
            """update manual_deliveries
               set state = $2::text, begun_at = platform_now(),
                   due_at = platform_now() + interval '1 hour',
                   left_seconds = case when $2::text = 'NEEDS_CORRECTION' then 600 end,
                   asked_fields = case when $2::text = 'NEEDS_CORRECTION' then '{note}'
                                       else '{}' end::text[]
               where order_id = $1 and ended_at is null""",
            order.id,
            state,
        )


async def make_good(ask: Ask) -> None:
    """Put the caller's own shop back into the state from which a request may have taken it."""
    if ask.root.name in _OWN_STATE:
        await _put_into(ask.town, ask.caller.shop.id, "ACTIVE")


async def _put_into(town: Neighbourhood, tenant_id: UUID, status: str) -> None:
    await put_into(town.owner, tenant_id, status)
    directory.forget()


async def signed_in_again(town: Neighbourhood, caller: Caller) -> Person | None:
    """The same person with one more token: this one is about to end."""
    kind = "STAFF" if caller.role.startswith("STAFF_") else caller.role
    if kind not in ("CUSTOMER", "STAFF") or caller.person is None:
        return caller.person
    token = await town.world.token(kind, caller.shop.id, caller.person.id)
    return Person(caller.person.id, token)


def said_back(case: Case) -> Collection[str]:
    """The coupon codes of a request: a quote names those that it does not take."""
    return [
        code
        for path, codes in case.values.items()
        if path[-1] == "couponCodes" and isinstance(codes, list)
        for code in codes
    ]


def _type_names(body: Any) -> Iterator[str]:
    if isinstance(body, dict):
        if isinstance(body.get("__typename"), str):
            yield body["__typename"]
        for value in body.values():
            yield from _type_names(value)
    elif isinstance(body, list):
        for value in body:
            yield from _type_names(value)
