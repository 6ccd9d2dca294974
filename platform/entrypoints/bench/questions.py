"""What the load client asks: the documents of each workload, and the requests made of them."""

from dataclasses import asdict, dataclass
from typing import Any, Final, Self

PAGE: Final = 24
NEW_KEY: Final = "a-new-idempotency-key-for-every-send"
"""Stands in a request where each sending of it needs a value of its own."""

CATALOGUE: Final = """
query Catalogue($first: Int!, $after: String) {
  products(first: $first, after: $after) {
    edges { node { id name slug price { amount { amountMinor currency } } stock { quantity } } }
  }
}"""
PRODUCT: Final = """
query Product($slug: String!) {
  product(slug: $slug) {
    id name slug description price { amount { amountMinor currency } } stock { quantity }
    skus { offers { id price { amountMinor } stock { quantity } } }
  }
}"""
QUICK_BUY: Final = """
mutation Buy($input: QuickBuyInput!) {
  quickBuy(input: $input) {
    ... on OrderCreated {
      order {
        no status total { amountMinor currency }
        lines { quantity keys { id serial commitment } }
      }
    }
    ... on Problem { code message }
  }
}"""
SHELF: Final = """
query Shelf($after: String) {
  products(first: 24, after: $after) {
    edges { node { slug skus { id price { amount { amountMinor } } } } }
    pageInfo { hasNextPage endCursor }
  }
}"""


@dataclass(frozen=True, slots=True)
class Question:
    """One GraphQL request to one shop; `check` names what its answer must hold (answers.py)."""

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

    def as_json(self) -> dict[str, Any]:
        """This function will give what `from_json` takes, in another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Self:
        """This function will read what `as_json` gave."""
        return cls(**given)


def catalogue_question(host: str, after: str | None) -> Question:
    """This function will ask a shop for a page of 24 products."""
    variables = {"first": PAGE, "after": after}
    return Question("catalogue", host, CATALOGUE, variables, {"products": PAGE})


def product_question(host: str, slug: str) -> Question:
    """This function will ask a shop for one product with its offers."""
    return Question("product", host, PRODUCT, {"slug": slug}, {"slug": slug})


def sale_question(
    host: str, *, token: str, sku_id: str, total_minor: int, currency: str
) -> Question:
    """This function will buy one piece from the wallet, delivered with the answer."""
    variables = {
        "input": {
            "skuId": sku_id,
            "quantity": 1,
            "expectedTotal": {"amountMinor": total_minor, "currency": currency},
            "payment": "WALLET",
            "idempotencyKey": NEW_KEY,
        }
    }
    return Question("sale", host, QUICK_BUY, variables, {"total": total_minor}, token)
