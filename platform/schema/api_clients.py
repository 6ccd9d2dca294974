"""Programs that act for the shop: made, changed, rotated, revoked."""

from datetime import datetime
from typing import Annotated

import strawberry

from identity import api_clients
from identity.api_clients import ClientSecret
from identity.models import ApiScope
from kernel.errors import Invalid
from kernel.ids import parse_id, public_id
from schema.context import Context, Info
from schema.problems import Problem, Refusals
from schema.rights import giver_of

_MOST_SCOPES = 20

strawberry.enum(ApiScope, description="What a program may ask for: see the field table.")


@strawberry.type(description="A secret that is good now. Its text was shown once.")
class ApiSecret:
    """Two at most, while one takes the other's place."""

    created_at: datetime
    expires_at: datetime


@strawberry.type(description="A program that acts for the shop.")
class ApiClient:
    """`allowedNetworks` is null for one that calls from anywhere; `lastUsedAt` is rough."""

    id: strawberry.ID
    name: str
    scopes: list[ApiScope]
    allowed_networks: list[str] | None
    created_at: datetime
    last_used_at: datetime | None
    secrets: list[ApiSecret] = strawberry.field(metadata={"assumed_size": 2})


@strawberry.type(description="A new secret: keep it, it is not shown again.")
class ApiClientSecret:
    """`Authorization: Bearer kma_…`"""

    client_id: strawberry.ID
    secret: str
    expires_at: datetime


@strawberry.type
class ApiClientsChanged:
    """The programs as they are now."""

    api_clients: list[ApiClient] = strawberry.field(metadata={"assumed_size": 10})


ApiClientSecretPayload = Annotated[
    ApiClientSecret | Problem, strawberry.union("ApiClientSecretPayload")
]
ApiClientsPayload = Annotated[ApiClientsChanged | Problem, strawberry.union("ApiClientsPayload")]


@strawberry.input
class ApiClientCreateInput:
    """`allowedNetworks` as `203.0.113.0/24`; left out, the program may call from anywhere."""

    name: str
    scopes: list[ApiScope]
    allowed_networks: list[str] | None = None
    lifetime_days: int = 365


@strawberry.input
class ApiClientUpdateInput:
    """All of it anew: without networks the program may call from anywhere."""

    client_id: strawberry.ID
    name: str
    scopes: list[ApiScope]
    allowed_networks: list[str] | None = None


@strawberry.input
class ApiClientRotateInput:
    """For how many hours the last secret stays good, and for how many days the new one is."""

    client_id: strawberry.ID
    overlap_hours: int = 24
    lifetime_days: int = 365


@strawberry.input
class ApiClientRevokeInput:
    """Which one."""

    client_id: strawberry.ID


@strawberry.type
class ApiClientQuery:
    """The shop's programs."""

    @strawberry.field(
        description="The programs that may act for the shop.", metadata={"assumed_size": 10}
    )
    async def api_clients(self, info: Info) -> list[ApiClient]:
        """List the programs."""
        return await _clients(info.context)


@strawberry.type
class ApiClientMutation:
    """Changes of the shop's programs."""

    @strawberry.mutation(
        description="Register a program; its secret is shown this once.", extensions=[Refusals()]
    )
    async def api_client_create(
        self, info: Info, input: ApiClientCreateInput
    ) -> ApiClientSecretPayload:
        """Make a program with its first secret."""
        return _secret(
            await api_clients.create_client(
                tenant_id=info.context.shop.id,
                giver=giver_of(info.context, "Mutation.apiClientCreate"),
                name=input.name,
                scopes=_few(input.scopes),
                allowed_networks=input.allowed_networks,
                lifetime_days=input.lifetime_days,
            )
        )

    @strawberry.mutation(
        description="Change a program; it holds from its next request on.", extensions=[Refusals()]
    )
    async def api_client_update(self, info: Info, input: ApiClientUpdateInput) -> ApiClientsPayload:
        """Replace name, scopes and networks."""
        await api_clients.update_client(
            tenant_id=info.context.shop.id,
            giver=giver_of(info.context, "Mutation.apiClientUpdate"),
            client_id=parse_id("apc", input.client_id, field="clientId"),
            name=input.name,
            scopes=_few(input.scopes),
            allowed_networks=input.allowed_networks,
        )
        return ApiClientsChanged(api_clients=await _clients(info.context))

    @strawberry.mutation(
        description="Make a program's next secret; it is shown this once.", extensions=[Refusals()]
    )
    async def api_client_rotate(
        self, info: Info, input: ApiClientRotateInput
    ) -> ApiClientSecretPayload:
        """Let a new secret take the place of the last one."""
        return _secret(
            await api_clients.rotate_client(
                tenant_id=info.context.shop.id,
                giver=giver_of(info.context, "Mutation.apiClientRotate"),
                client_id=parse_id("apc", input.client_id, field="clientId"),
                overlap_hours=input.overlap_hours,
                lifetime_days=input.lifetime_days,
            )
        )

    @strawberry.mutation(
        description="Stop a program at once, with all its secrets.", extensions=[Refusals()]
    )
    async def api_client_revoke(self, info: Info, input: ApiClientRevokeInput) -> ApiClientsPayload:
        """End a program."""
        await api_clients.revoke_client(
            tenant_id=info.context.shop.id,
            giver=giver_of(info.context, "Mutation.apiClientRevoke"),
            client_id=parse_id("apc", input.client_id, field="clientId"),
        )
        return ApiClientsChanged(api_clients=await _clients(info.context))


def _few(scopes: list[ApiScope]) -> list[ApiScope]:
    if len(scopes) > _MOST_SCOPES:
        raise Invalid(f"At most {_MOST_SCOPES} scopes.", field="scopes")
    return scopes


def _secret(made: ClientSecret) -> ApiClientSecret:
    return ApiClientSecret(
        client_id=strawberry.ID(public_id("apc", made.client_id)),
        secret=made.secret,
        expires_at=made.expires_at,
    )


async def _clients(context: Context) -> list[ApiClient]:
    return [
        ApiClient(
            id=strawberry.ID(public_id("apc", one.id)),
            name=one.name,
            scopes=list(one.scopes),
            allowed_networks=None if one.allowed_networks is None else list(one.allowed_networks),
            created_at=one.created_at,
            last_used_at=one.last_used_at,
            secrets=[
                ApiSecret(created_at=secret.created_at, expires_at=secret.expires_at)
                for secret in one.secrets
            ],
        )
        for one in await api_clients.clients(context.shop.id)
    ]
