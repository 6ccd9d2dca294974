"""Links of affiliates: the click is taken, and the buyer led on to a page of the shop.

A click counts only where a person goes to the shop by it. What a foreign page loads in passing (a
picture, a frame, a script, a page fetched ahead) is led on as well, and leaves nothing: no cookie,
no click. The browser says which it is, and no page can make it say otherwise (Fetch Metadata).
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from affiliates import clicks
from affiliates.click_tokens import KEPT_SECONDS, Touch, Touches, read_touches, write_touches
from affiliates.links import Target, target_of
from identity.attempts import subscriber
from kernel import crypto
from schema.context import context_of
from web.visit import CLICK, VISITOR, Visit, is_visitor

_SEE_OTHER: Final = 303


async def follow(request: Request) -> Response:
    """Lead to where a code leads; an unknown one leads to the shop's first page."""
    context = await context_of(request, token=None)
    target = await target_of(request.path_params["code"], tenant_id=context.shop.id)
    response = RedirectResponse(target.path if target else "/", status_code=_SEE_OTHER)
    response.headers["cache-control"] = "no-store"
    response.headers["referrer-policy"] = "no-referrer"
    response.headers["x-robots-tag"] = "noindex"
    if target is not None and _goes_there(request):
        visit = Visit(request, context, crypto.new_token("kmv"))
        known = visit.cookie(VISITOR)
        if is_visitor(known):
            visit.visitor = known
        await _take(visit, target, response)
        visit.settle_cookies(response)
    return response


def _goes_there(request: Request) -> bool:
    """Whether a person goes to this address, at the top of a window."""
    said = request.headers
    return (
        request.method == "GET"
        and said.get("sec-fetch-dest") == "document"
        and said.get("sec-fetch-mode") == "navigate"
        and "prefetch" not in said.get("sec-purpose", said.get("purpose", ""))
    )


async def _take(visit: Visit, target: Target, response: Response) -> None:
    shop = visit.context.shop
    click = clicks.click_of(
        tenant_id=shop.id,
        affiliate_id=target.affiliate_id,
        link_id=target.link_id,
        visitor=visit.visitor,
        address=subscriber(visit.context.ip),
    )
    await clicks.take(click)
    last = Touch(click.id, click.affiliate_id, click.link_id, click.at)
    before = read_touches(visit.cookie(CLICK), tenant_id=shop.id)
    touches = Touches(before.first if before else last, last)
    token = write_touches(touches, tenant_id=shop.id)
    visit.keep(response, CLICK, token, ttl_seconds=KEPT_SECONDS)
