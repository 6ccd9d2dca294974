"""The GraphQL documents that the load sends: with variables, as a storefront would."""

from typing import Final

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
QUOTE: Final = """
query Quote($input: QuoteInput!) {
  quote(input: $input) {
    ... on Quote { id total { amountMinor currency } }
    ... on Problem { code message }
  }
}"""
ORDER_CREATE: Final = """
mutation Order($input: OrderCreateInput!) {
  orderCreate(input: $input) {
    ... on OrderCreated { order { no status total { amountMinor } lines { commitments } } }
    ... on Problem { code message }
  }
}"""
PAYMENT_START: Final = """
mutation Pay($input: PaymentStartInput!) {
  paymentStart(input: $input) {
    ... on PaymentStarted { paymentId status clientSecret }
    ... on Problem { code message }
  }
}"""
ORDER: Final = """
query Order($no: String!) {
  order(no: $no) { no status lines { quantity keys { id serial commitment } } }
}"""
ORDER_CANCEL: Final = """
mutation Cancel($input: OrderRef!) {
  orderCancel(input: $input) {
    ... on OrderChanged { order { no status } }
    ... on Problem { code message }
  }
}"""
KEY_REVEAL: Final = """
mutation Reveal($input: KeyRevealInput!) {
  keyReveal(input: $input) {
    ... on KeysRevealed { keys { serial secret salt commitment } }
    ... on Problem { code message }
  }
}"""
WATCH: Final = """
subscription Watch($no: String!) {
  orderUpdated(orderNo: $no) { cursor order { no status } }
}"""
CURSORS: Final = """
query Cursors($after: String) {
  products(first: 100, after: $after) { edges { cursor } pageInfo { hasNextPage endCursor } }
}"""
PRICES: Final = """
query Prices($after: String) {
  products(first: 100, after: $after) {
    edges { node { slug skus { id price { amount { amountMinor } } } } }
  }
}"""
