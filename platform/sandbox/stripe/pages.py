"""The hosted page of an intent: the buyer's bank, Alipay, WeChat Pay or card form, in one."""

import hmac
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.stripe import buyer
from sandbox.stripe.currencies import written
from sandbox.stripe.errors import ApiError, CardDeclined, NoSuchObject
from sandbox.stripe.forms import read_pairs
from sandbox.stripe.gateway import read_body
from sandbox.stripe.intents import CONFIRMABLE, is_web_address
from sandbox.stripe.next_actions import approve_url, qr_data_url
from sandbox.stripe.payment_methods import WECHAT_PAY
from sandbox.stripe.server import Sandbox
from sandbox.stripe.wire import Json

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_REDIRECT_STATUS = {
    "succeeded": "succeeded",
    "requires_capture": "succeeded",
    "processing": "pending",
}


class Pages:
    """What buyers see. The unguessable id is the invitation; no API key is asked."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """Give the pages' routes."""
        return [
            Route("/approve/{id}", self._show, methods=["GET"]),
            Route("/approve/{id}", self._decide, methods=["POST"]),
            Route("/approve/{id}/qr.{kind:str}", self._qr_code, methods=["GET"]),
        ]

    async def _show(self, request: Request) -> Response:
        try:
            intent = self._sandbox.work().intent(request.path_params["id"])
        except NoSuchObject:
            return missing()
        return self._page(intent, dict(request.query_params))

    async def _decide(self, request: Request) -> Response:
        try:
            form = dict(read_pairs(await read_body(request)))
            intent = self._decided(request.path_params["id"], form)
        except NoSuchObject:
            return missing()
        except ApiError as error:
            return HTMLResponse(error.message, error.status_code, headers=HEADERS)
        self._sandbox.mail_waits.set()
        back = _return_address(intent, form)
        if back is None:
            return self._page(intent, form)
        return RedirectResponse(back, status_code=303, headers=HEADERS)

    def _decided(self, intent_id: str, form: dict[str, str]) -> Json:
        work = self._sandbox.work()
        if work.intent(intent_id)["status"] not in CONFIRMABLE:
            return work.intent(intent_id)
        act = buyer.approve if form.get("decision") == "approve" else buyer.refuse
        with work.store.transaction():
            # The page tells of a decline by the intent's own status; the attempt stays written.
            with suppress(CardDeclined):
                act(work, intent_id=intent_id, method_type=form.get("payment_method_type"))
        return work.intent(intent_id)

    def _page(self, intent: Json, asked: dict[str, str]) -> Response:
        html = TEMPLATES.get_template("approve.html").render(
            intent=intent,
            amount=written(amount_minor=intent["amount"], currency=intent["currency"]),
            method_types=self._method_types(intent),
            open=intent["status"] in CONFIRMABLE,
            qr_code=self._qr_picture(intent),
            client_secret=asked.get("client_secret", ""),
            return_url=asked.get("return_url", ""),
            back=_return_address(intent, asked),
        )
        return HTMLResponse(html, headers=HEADERS)

    def _method_types(self, intent: Json) -> list[str]:
        if intent["payment_method"] is None:
            return list(intent["payment_method_types"])
        method = self._sandbox.store.get(kind="payment_method", object_id=intent["payment_method"])
        return [method["type"]]

    def _qr_picture(self, intent: Json) -> str | None:
        waiting = intent["status"] == "requires_action"
        if not waiting or self._method_types(intent) != [WECHAT_PAY]:
            return None
        return qr_data_url(approve_url(self._sandbox.work(), intent))

    async def _qr_code(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        try:
            intent = self._sandbox.work().intent(request.path_params["id"])
        except NoSuchObject:
            return missing()
        if kind not in ("png", "svg"):
            return missing()
        picture = BytesIO()
        code = segno.make(approve_url(self._sandbox.work(), intent), error="m", micro=False)
        code.save(picture, kind=kind, scale=6, border=4)
        media_type = "image/png" if kind == "png" else "image/svg+xml"
        return Response(picture.getvalue(), media_type=media_type, headers=HEADERS)


def missing() -> Response:
    """Answer for an address that leads nowhere."""
    html = TEMPLATES.get_template("missing.html").render()
    return HTMLResponse(html, status_code=404, headers=HEADERS)


def _return_address(intent: Json, asked: dict[str, str]) -> str | None:
    """Where the buyer goes next. A page may name a place of its own only with the client secret."""
    wished = asked.get("return_url", "")
    knows_secret = hmac.compare_digest(
        asked.get("client_secret", "").encode(), intent["client_secret"].encode()
    )
    base = wished if knows_secret and is_web_address(wished) else intent.get("_return_url")
    if base is None:
        return None
    parts = urlsplit(base)
    query = [
        *parse_qsl(parts.query, keep_blank_values=True),
        ("payment_intent", intent["id"]),
        ("payment_intent_client_secret", intent["client_secret"]),
        ("redirect_status", _REDIRECT_STATUS.get(intent["status"], "failed")),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))
