"""What a newcomer is handed: the shops' addresses, a token for each role, a first query.

It stands in `<data_dir>/demo.json`, readable by its owner only. Of a token the database keeps a
hash, so this file is the only place that has it: one that still opens something is kept.
"""

import json
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from entrypoints.demo.people import (
    PASSWORD,
    CustomerIds,
    affiliate_id,
    api_client_id,
    operator_id,
    staff_account_of,
    staff_id,
)
from entrypoints.demo.records import Demo, ShopRecord
from entrypoints.demo.shops import shop_id
from entrypoints.demo.stock import supplier_id
from identity.tokens import PREFIXES, authenticate, issue_token
from kernel.settings import settings

FILE_NAME: Final = "demo.json"
TOKEN_SECONDS: Final = 365 * 24 * 3600
DEFAULT_PORT: Final = 8000
FIRST_SHOP: Final = "xinghe"
FIRST_QUERY: Final = (
    "query { products(first: 3) { edges { node { name slug price { amount { formatted } } "
    "stock { quantity } skus { id name price { amount { formatted } } } } } } }"
)

_KINDS = {kind.value: kind for kind in PREFIXES}


@dataclass(frozen=True, slots=True)
class _Holder:
    """Somebody who gets a token; suppliers and operators belong to no shop."""

    kind: str
    role: str
    principal_id: UUID
    note: str
    shop: ShopRecord | None = None

    @property
    def tenant_id(self) -> UUID | None:
        """Return the shop's id."""
        return shop_id(self.shop.slug) if self.shop else None


async def write_handout(demo: Demo, customers: CustomerIds) -> tuple[Path, int]:
    """Write the file, and say where it is and how many tokens were issued.

    A token of the last file is kept while it authenticates; a file that says all this already
    is not written again.
    """
    file = settings().data_dir / FILE_NAME
    last = _read(file)
    known = {_place(entry): entry["token"] for entry in last.get("tokens", ())}
    tokens, issued = [], 0
    for holder in _holders(demo, customers):
        entry = _entry(holder)
        token = known.get(_place(entry), "")
        if not await _opens(token, holder):
            token = await _issue(holder)
            issued += 1
        tokens.append(entry | {"token": token})
    handout = _handout(demo, tokens)
    if handout != last:
        _write(file, handout)
    return file, issued


def _holders(demo: Demo, customers: CustomerIds) -> Iterator[_Holder]:
    """The first customer of each shop, everybody who works, and every supplier."""
    shops = {shop.slug: shop for shop in demo.shops}
    people = demo.people
    met = set()
    for customer, customer_id in customers.items():
        if customer.shop not in met:
            met.add(customer.shop)
            note = f"{customer.email} / {PASSWORD}"
            yield _Holder("CUSTOMER", "customer", customer_id, note, shops[customer.shop])
    for member in people.staff:
        role = member.role.lower().replace("_", "-")
        note = f"{member.name}, {staff_account_of(member)} / {PASSWORD}"
        yield _Holder("STAFF", role, staff_id(member), note, shops[member.shop])
    client, affiliate = people.api_client, people.affiliate
    yield _Holder(
        "API_CLIENT", "api-client", api_client_id(client), client.name, shops[client.shop]
    )
    note = f"{affiliate.name}, code {affiliate.code}"
    yield _Holder("AFFILIATE", "affiliate", affiliate_id(affiliate), note, shops[affiliate.shop])
    for supplier in demo.suppliers:
        yield _Holder("SUPPLIER", "supplier", supplier_id(supplier.slug), supplier.name)
    operator = people.operator
    yield _Holder("OPERATOR", "operator", operator_id(operator), operator.name)


def _entry(holder: _Holder) -> dict[str, str]:
    return {
        "role": holder.role,
        "shop": holder.shop.name if holder.shop else "",
        "host": holder.shop.host if holder.shop else "",
        "token": "",
        "note": holder.note,
    }


def _place(entry: Mapping[str, str]) -> tuple[str, str, str]:
    """What tells one entry from all others."""
    return entry["role"], entry["host"], entry["note"]


async def _opens(token: str, holder: _Holder) -> bool:
    caller = await authenticate(token)
    return caller is not None and (caller.kind, caller.tenant_id, caller.principal_id) == (
        holder.kind,
        holder.tenant_id,
        holder.principal_id,
    )


async def _issue(holder: _Holder) -> str:
    return await issue_token(
        kind=_KINDS[holder.kind],
        tenant_id=holder.tenant_id,
        principal_id=holder.principal_id,
        ttl_seconds=TOKEN_SECONDS,
    )


def _handout(demo: Demo, tokens: list[dict[str, str]]) -> dict[str, Any]:
    levels: dict[str, int] = {}
    for shop in demo.shops:
        levels[shop.slug] = levels[shop.parent] + 1 if shop.parent else 0
    port = settings().public_port or DEFAULT_PORT
    return {
        "shops": [
            {
                "name": shop.name,
                "host": shop.host,
                "url": f"{settings().public_scheme}://{shop.host}:{port}",
                "level": levels[shop.slug],
            }
            for shop in demo.shops
        ],
        "tokens": tokens,
        "first_query": FIRST_QUERY,
        "curl": _curl(next(shop.host for shop in demo.shops if shop.slug == FIRST_SHOP), port),
    }


def _curl(host: str, port: int) -> str:
    """The first query for a shell. `*.localhost` does not resolve everywhere: a header names it."""
    headers = (f"Host: {host}", "content-type: application/json", "X-Kameng-Client: demo")
    words = ["curl", "-s", f"{settings().public_scheme}://127.0.0.1:{port}/graphql"]
    for header in headers:
        words += ["-H", header]
    return shlex.join([*words, "-d", json.dumps({"query": FIRST_QUERY})])


def _read(file: Path) -> dict[str, Any]:
    """The last handout; nothing when there is none, or when somebody has damaged it."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        {_place(entry): entry["token"] for entry in content["tokens"]}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}
    return dict(content)


def _write(file: Path, handout: Mapping[str, Any]) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(handout, stream, ensure_ascii=False, indent=2)
        stream.write("\n")
    draft.replace(file)
