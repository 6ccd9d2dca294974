"""Bad input of those who found shops, decide about them and bring domains."""

from typing import Final

from bad_input.rows import MALFORMED, REFUSED, UNKNOWN, Bad, other_kind
from kernel import crypto
from kernel.ids import new_id, public_id

_ENDLESS: Final = "r" * 10_000


def _of_any_founder(mutation: str) -> list[Bad]:
    return [
        Bad(mutation, "an address with a blank", REFUSED, {"slug": "a b"}),
        Bad(mutation, "an address that is taken", REFUSED, {"slug": "rival"}),
        Bad(mutation, "no address", REFUSED, {"slug": ""}),
        Bad(mutation, "no name", REFUSED, {"name": ""}),
        Bad(mutation, "an endless name", REFUSED, {"name": _ENDLESS}),
        Bad(mutation, "an endless contact", REFUSED, {"contact": _ENDLESS}),
    ]


def _of_any_child(mutation: str, name: str) -> list[Bad]:
    """What a parent says about a shop that is not its child."""
    return [
        Bad(mutation, "a shop beside this one", UNKNOWN,
            {name: lambda ask: public_id("ten", ask.town.at("rival").shop.id)}),
        Bad(mutation, "the shop itself", UNKNOWN,
            {name: lambda ask: public_id("ten", ask.caller.shop.id)}),
        *_of_any_tenant(mutation, name),
    ]  # fmt: skip


def _of_any_tenant(mutation: str, name: str = "tenantId") -> list[Bad]:
    return [
        Bad(mutation, "no such tenant", UNKNOWN, {name: lambda _: public_id("ten", new_id())}),
        Bad(mutation, "an id of another kind", UNKNOWN, {name: other_kind}),
    ]


def _of_any_decision(mutation: str) -> list[Bad]:
    return [
        *_of_any_tenant(mutation),
        Bad(mutation, "an endless reason", REFUSED, {"reason": _ENDLESS}),
        Bad(mutation, "a reason with control characters", REFUSED, {"reason": "a\x1bb"}),
        Bad(mutation, "a shop's own staff", {"FORBIDDEN"}, by="STAFF_OWNER"),
    ]


def _of_any_domain(mutation: str) -> list[Bad]:
    theirs = {"domainId": lambda ask: public_id("dom", ask.town.at("rival").domain)}
    nobodys = {"domainId": lambda _: public_id("dom", new_id())}
    return [
        Bad(mutation, "another shop's domain", UNKNOWN, theirs),
        Bad(mutation, "no such domain", UNKNOWN, nobodys),
        Bad(mutation, "an id of another kind", UNKNOWN, {"domainId": other_kind}),
    ]


TENANTS: Final = [
    *_of_any_founder("tenantApply"),
    *_of_any_founder("invitationAccept"),
    Bad("invitationAccept", "no such token", UNKNOWN, {"token": lambda _: crypto.new_token("kmi")}),
    Bad("invitationAccept", "another shop's token", UNKNOWN,
        {"token": lambda ask: ask.town.at("rival").invitation}),
    Bad("invitationAccept", "too late", UNKNOWN, clock="8 days"),
    Bad("childTenantInvite", "no day", REFUSED, {"days": 0}),
    Bad("childTenantInvite", "a thousand days", REFUSED, {"days": 1_000}),
    Bad("childTenantInvite", "no such contract", MALFORMED, {"onParentLoss": "HOPE"}),
    Bad("childTenantInvitationWithdraw", "another shop's", UNKNOWN,
        {"invitationId": lambda ask: ask.town.at("rival").child_invitation_id}),
    Bad("childTenantInvitationWithdraw", "an id of another kind", UNKNOWN,
        {"invitationId": other_kind}),
    *_of_any_child("childTenantRestrict", "childId"),
    Bad("childTenantRestrict", "an endless reason", REFUSED, {"reason": _ENDLESS}),
    *_of_any_child("tenantTermsSet", "tenantId"),
    Bad("tenantTermsSet", "a tree without an end", REFUSED, {"maxChildDepth": 10**6}),
    Bad("tenantTermsSet", "a cap below nothing", REFUSED, {"maxMarkupBp": -1}),
    Bad("tenantTermsSet", "a cap without an end", REFUSED, {"maxMarkupBp": 10**6 + 1}),
    Bad("tenantTermsSet", "a cap of the whole tree at a branch", REFUSED, {"cumulativeCapBp": 1}),
    Bad("tenantTermsSet", "who earns in the whole tree, at a branch", REFUSED, {"earningDepth": 1}),
    Bad("tenantTermsSet", "a hundred levels that earn", REFUSED, {"earningDepth": 100}),
    Bad("tenantTermsSet", "no such contract", MALFORMED, {"onParentLoss": "HOPE"}),
    Bad("tenantCloseRequest", "an endless reason", REFUSED, {"reason": _ENDLESS}),
    Bad("tenantApplyAgain", "an endless reason", REFUSED, {"reason": _ENDLESS}),
    *_of_any_decision("tenantReview"),
    Bad("tenantReview", "a deposit below nothing", REFUSED, {"depositDueMinor": -1}),
    Bad("tenantReview", "a deposit of 2^53", MALFORMED, {"depositDueMinor": 2**53}),
    *_of_any_tenant("tenantFactsRecord"),
    Bad("tenantFactsRecord", "a deposit below nothing", REFUSED, {"depositDueMinor": -1}),
    *_of_any_decision("tenantRestrict"),
    *_of_any_decision("tenantSuspend"),
    *_of_any_decision("tenantReopen"),
    *_of_any_decision("tenantClose"),
    Bad("domainAdd", "no host", REFUSED, {"host": ""}),
    Bad("domainAdd", "an address of the network", REFUSED, {"host": "127.0.0.1"}),
    Bad("domainAdd", "a host without an end", REFUSED, {"host": "a" * 300 + ".example"}),
    Bad("domainAdd", "another shop's host", REFUSED,
        {"host": lambda ask: ask.town.at("rival").own_host}),
    *_of_any_domain("domainVerify"),
    *_of_any_domain("domainPrimary"),
    *_of_any_domain("domainRemove"),
]  # fmt: skip
