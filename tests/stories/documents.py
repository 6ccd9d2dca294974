"""The GraphQL documents that buyers and staff send in the stories."""

_PROBLEM = "... on Problem { code message field details { name value } }"

ORDER_FIELDS = """no status version total { amountMinor } refunded { amountMinor }
  lines { id quantity total { amountMinor } refunded { amountMinor } returnedQuantity commitments
          keys { id serial commitment revealedAt returnedAt } }"""

ORDER = f"""query ($no: String!, $token: String) {{
  order(no: $no, guestToken: $token) {{ {ORDER_FIELDS} }} }}"""

QUOTE = f"""query ($lines: [QuoteLineInput!]!) {{ quote(input: {{lines: $lines}}) {{ __typename
  ... on Quote {{ id total {{ amountMinor }} expiresAt }} {_PROBLEM} }} }}"""

WATCH = f"""subscription ($no: String!, $token: String) {{
  orderUpdated(orderNo: $no, guestToken: $token) {{ cursor order {{ {ORDER_FIELDS} }} }} }}"""

_CREATED = f"... on OrderCreated {{ guestToken order {{ {ORDER_FIELDS} }} }}"
_CHANGED = f"... on OrderChanged {{ order {{ {ORDER_FIELDS} }} }}"
_STARTED = "... on PaymentStarted { paymentId status actionUrl clientSecret }"
_REVEALED = """... on KeysRevealed {
  keys { id lineId name serial secret salt commitment expiresAt revealedAt } }"""
_EXPORTED = "... on KeysExported { fileName content }"

_SELECTIONS = {
    "orderCreate": ("OrderCreateInput", _CREATED),
    "quickBuy": ("QuickBuyInput", _CREATED),
    "orderCancel": ("OrderRef", _CHANGED),
    "paymentStart": ("PaymentStartInput", _STARTED),
    "paymentRefresh": ("OrderRef", _CHANGED),
    "keyReveal": ("KeyRevealInput", _REVEALED),
    "keysExport": ("KeysExportInput", _EXPORTED),
    "unrevealedReturn": ("UnrevealedReturnInput", _CHANGED),
    "refundCreate": ("RefundCreateInput", _CHANGED),
    "walletTopUp": ("WalletTopUpInput", _STARTED),
}

MUTATIONS = {
    name: f"""mutation ($input: {type_name}!) {{
        {name}(input: $input) {{ __typename {selection} {_PROBLEM} }} }}"""
    for name, (type_name, selection) in _SELECTIONS.items()
}
