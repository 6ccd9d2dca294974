"""A shop's domains: claimed, proved by a TXT record, chosen, given up."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import strawberry

from kernel.ids import parse_id, public_id
from schema.context import Info
from schema.problems import Problem, Refusals
from schema.tenant_types import TenantDomain
from tenants import domains
from tenants.dns_proof import proof_of
from tenants.host_names import shown_host


@strawberry.input
class DomainAddInput:
    """A host that the shop brings, in any spelling."""

    host: str


@strawberry.input
class DomainRef:
    """One of the shop's domains."""

    domain_id: strawberry.ID


@strawberry.type(description="A domain as it is now.")
class DomainChanged:
    """The answer to claiming, proving and choosing."""

    domain: TenantDomain


@strawberry.type(description="A domain that was given up.")
class DomainRemoved:
    """Until `restsUntil` no other shop can have the host; null when it has led nowhere."""

    host: str
    rests_until: datetime | None


DomainPayload = Annotated[DomainChanged | Problem, strawberry.union("DomainPayload")]
DomainRemovePayload = Annotated[DomainRemoved | Problem, strawberry.union("DomainRemovePayload")]


@strawberry.type
class DomainMutation:
    """What an owner does with the shop's domains."""

    @strawberry.mutation(
        description="Claim a host: the answer says which record proves it.",
        extensions=[Refusals()],
    )
    async def domain_add(self, info: Info, input: DomainAddInput) -> DomainPayload:
        """Claim a host."""
        row = await domains.add_domain(tenant_id=info.context.shop.id, host=input.host)
        return DomainChanged(domain=domain_type(row))

    @strawberry.mutation(description="Ask the DNS for the record, now.", extensions=[Refusals()])
    async def domain_verify(self, info: Info, input: DomainRef) -> DomainPayload:
        """Prove a host."""
        row = await domains.verify_domain(
            tenant_id=info.context.shop.id, domain_id=_domain_id(input)
        )
        return DomainChanged(domain=domain_type(row))

    @strawberry.mutation(
        description="Make a proved domain the shop's own address.", extensions=[Refusals()]
    )
    async def domain_primary(self, info: Info, input: DomainRef) -> DomainPayload:
        """Choose the shop's address."""
        row = await domains.choose_primary(
            tenant_id=info.context.shop.id, domain_id=_domain_id(input)
        )
        return DomainChanged(domain=domain_type(row))

    @strawberry.mutation(description="Give a domain up.", extensions=[Refusals()])
    async def domain_remove(self, info: Info, input: DomainRef) -> DomainRemovePayload:
        """Give a domain up; its host rests."""
        host, rests_until = await domains.remove_domain(
            tenant_id=info.context.shop.id, domain_id=_domain_id(input)
        )
        return DomainRemoved(host=host, rests_until=rests_until)


def _domain_id(input: DomainRef) -> Any:
    return parse_id("dom", input.domain_id, field="domainId")


def domain_type(row: Mapping[str, Any]) -> TenantDomain:
    """Put a domain into the schema's words; a host below the platform's needs no proof."""
    is_own = row["kind"] == "CUSTOM"
    proof = proof_of(tenant_id=row["tenant_id"], host=row["host"]) if is_own else None
    return TenantDomain(
        id=strawberry.ID(public_id("dom", row["id"])),
        host=row["host"],
        shown=shown_host(row["host"]),
        kind=row["kind"],
        status=_status(row),
        is_primary=row["is_primary"],
        proof_name=proof.name if proof else None,
        proof_value=proof.value if proof else None,
        verified_at=row["verified_at"],
        checked_at=row["checked_at"],
    )


def _status(row: Mapping[str, Any]) -> str:
    if row["verified_at"] is not None:
        return "VERIFIED"
    return "PENDING" if row["lapsed_at"] is None else "LAPSED"
