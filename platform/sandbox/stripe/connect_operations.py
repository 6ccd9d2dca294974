"""The API's operations about connected accounts and what is moved to them."""

from sandbox.stripe import accounts, transfers
from sandbox.stripe.operation import Operation, listed, retrieved
from sandbox.stripe.parameters import Boolean, Hash, Integer, Metadata, Text

_AMOUNT = Integer(minimum=1, maximum=10**12)
_REQUESTED = Hash({"requested": Boolean()})

_ACCOUNTS = (
    Operation(
        method="POST",
        path="/v1/accounts",
        fields={
            "type": Text(("custom", "express", "standard")),
            "country": Text(),
            "email": Text(),
            "capabilities": Hash({"transfers": _REQUESTED, "card_payments": _REQUESTED}),
            "metadata": Metadata(),
        },
        required=("type",),
        perform=lambda work, params, _: accounts.create(work, params),
    ),
    listed("/v1/accounts", "account", {}),
    retrieved("/v1/accounts", "account"),
    Operation(
        method="POST",
        path="/v1/accounts/{id}",
        fields={"metadata": Metadata()},
        perform=lambda work, params, name: accounts.update(work, params, account_id=name),
    ),
    Operation(
        method="POST",
        path="/v1/account_links",
        fields={
            "account": Text(),
            "type": Text(("account_onboarding", "account_update")),
            "refresh_url": Text(),
            "return_url": Text(),
        },
        required=("account", "type", "refresh_url", "return_url"),
        perform=lambda work, params, _: accounts.link(work, params),
    ),
)

_TRANSFERS = (
    Operation(
        method="POST",
        path="/v1/transfers",
        fields={
            "amount": _AMOUNT,
            "currency": Text(),
            "description": Text(),
            "destination": Text(),
            "metadata": Metadata(),
            "transfer_group": Text(),
        },
        required=("amount", "currency", "destination"),
        perform=lambda work, params, _: transfers.create(work, params),
    ),
    listed("/v1/transfers", "transfer", {"destination": Text(), "transfer_group": Text()}),
    retrieved("/v1/transfers", "transfer"),
    Operation(
        method="POST",
        path="/v1/transfers/{id}/reversals",
        fields={"amount": _AMOUNT, "metadata": Metadata()},
        perform=lambda work, params, name: transfers.reverse(work, params, transfer_id=name),
    ),
)

CONNECT_OPERATIONS = (*_ACCOUNTS, *_TRANSFERS)
