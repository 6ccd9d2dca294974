"""Connected accounts: made by the platform, onboarded on the provider's own page, paid to after."""

from typing import Any

from sandbox.stripe.errors import BadParameter
from sandbox.stripe.events import emit
from sandbox.stripe.ids import new_id
from sandbox.stripe.intents import is_web_address
from sandbox.stripe.metadata import merged_metadata
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work

Params = dict[str, Any]

_ASKED = [
    "external_account",
    "individual.first_name",
    "individual.id_number",
    "tos_acceptance.date",
]
_LINK_SECONDS = 300


def create(work: Work, params: Params) -> Json:
    """Make an account that nobody has said anything of yet: it takes no money."""
    wanted = params.get("capabilities", {})
    account: Json = {
        "id": new_id("acct_1", length=16),
        "object": "account",
        "capabilities": {name: "inactive" for name in wanted},
        "charges_enabled": False,
        "country": params.get("country", "CN"),
        "created": work.created,
        "default_currency": "cny",
        "details_submitted": False,
        "email": params.get("email"),
        "metadata": merged_metadata({}, params.get("metadata")),
        "payouts_enabled": False,
        "requirements": _requirements(_ASKED),
        "type": params["type"],
    }
    return work.store.insert(account)


def update(work: Work, params: Params, *, account_id: str) -> Json:
    """Change the account's metadata."""
    account = work.store.get(kind="account", object_id=account_id, param="account")
    account["metadata"] = merged_metadata(account["metadata"], params.get("metadata"))
    return work.store.save(account)


def link(work: Work, params: Params) -> Json:
    """Give an address at which the account's holder is onboarded, for some minutes."""
    account = work.store.get(kind="account", object_id=params["account"], param="account")
    if not (is_web_address(params["return_url"]) and is_web_address(params["refresh_url"])):
        raise BadParameter("Not a valid URL", code="url_invalid", param="return_url")
    made: Json = {
        "id": new_id("alink_1"),
        "object": "account_link",
        "created": work.created,
        "expires_at": work.created + _LINK_SECONDS,
        "_account": account["id"],
        "_return_url": params["return_url"],
    }
    work.store.insert(made)
    # The link has no id of its own at Stripe: what is behind it stands in its address.
    return {
        "object": "account_link",
        "created": made["created"],
        "expires_at": made["expires_at"],
        "url": f"{work.config.public_url}/onboarding/{made['id']}",
    }


def onboard(work: Work, *, account_id: str, complete: bool = True) -> Json:
    """The holder has said who they are, or the provider has found that something is missing."""
    account = work.store.get(kind="account", object_id=account_id, param="account")
    before = {name: account[name] for name in ("payouts_enabled", "requirements")}
    status = "active" if complete else "inactive"
    account |= {
        "capabilities": dict.fromkeys(account["capabilities"], status),
        "details_submitted": True,
        "payouts_enabled": complete,
        "requirements": _requirements([] if complete else ["individual.verification.document"]),
    }
    work.store.save(account)
    emit(work, "account.updated", account, previous=before, account=account["id"])
    return account


def _requirements(due: list[str]) -> Json:
    return {
        "currently_due": due,
        "disabled_reason": "requirements.past_due" if due else None,
        "eventually_due": due,
        "past_due": due,
        "pending_verification": [],
    }
