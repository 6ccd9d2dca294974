"""What the load client asks: the first request of each workload's operation, and what to expect."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self

from entrypoints.bench.load import documents

PAGE: Final = 24
NEW_KEY: Final = "a-new-idempotency-key-for-every-send"
"""Stands in a request where each sending of it needs a value of its own."""


@dataclass(frozen=True, slots=True)
class Question:
    """One GraphQL request to one shop; `check` names what its answer must hold (answers.py) and
    what follows it (journeys.py)."""

    check: str
    host: str
    query: str
    variables: dict[str, Any]
    expected: dict[str, Any]
    token: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The request's body."""
        return {"query": self.query, "variables": self.variables}

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers, but for the length."""
        given = {
            "host": self.host,
            "content-type": "application/json",
            "accept-language": "en",
            "x-kameng-client": "bench",
        }
        return given | ({"authorization": f"Bearer {self.token}"} if self.token else {})

    def then(self, check: str, query: str, **variables: Any) -> Self:
        """Give the same buyer's next request."""
        return replace(self, check=check, query=query, variables=variables)

    def as_json(self) -> dict[str, Any]:
        """Give what `from_json` takes, in another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Self:
        """Read what `as_json` gave."""
        return cls(**given)


def catalogue_question(host: str, after: str | None) -> Question:
    """Ask a shop for a page of 24 products."""
    variables = {"first": PAGE, "after": after}
    return Question("catalogue", host, documents.CATALOGUE, variables, {"products": PAGE})


def product_question(host: str, slug: str) -> Question:
    """Ask a shop for one product with its offers."""
    return Question("product", host, documents.PRODUCT, {"slug": slug}, {"slug": slug})


def sale_question(
    host: str, *, token: str, sku_id: str, total_minor: int, currency: str
) -> Question:
    """Buy one piece from the wallet, delivered with the answer."""
    variables = {
        "input": {
            "skuId": sku_id,
            "quantity": 1,
            "expectedTotal": {"amountMinor": total_minor, "currency": currency},
            "payment": "WALLET",
            "idempotencyKey": NEW_KEY,
        }
    }
    return Question("sale", host, documents.QUICK_BUY, variables, {"total": total_minor}, token)


def quote_question(check: str, host: str, *, token: str, sku_id: str, total_minor: int) -> Question:
    """Ask the price of one piece; `check` says how the journey goes on."""
    variables = {"input": {"lines": [{"skuId": sku_id, "quantity": 1}]}}
    return Question(check, host, documents.QUOTE, variables, {"total": total_minor}, token)
