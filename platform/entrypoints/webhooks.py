"""What payment channels call: verify, then hand over to the one function that settles."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from billing.payment_methods.base import Hint
from billing.payment_methods.disputes import DisputeReport
from billing.payment_methods.stripe_events import ForgedEvent, read_webhook
from billing.payouts import sending
from kernel.log import get_logger
from orders import settlement
from orders.disputes import hearing

log = get_logger(__name__)


async def stripe_webhook(request: Request) -> Response:
    """Take an event of Stripe's. 400 for anything that Stripe did not send for us; 200 only
    after the event's effect is committed, so that an event answered with 2xx is never lost."""
    body = await request.body()
    try:
        report = read_webhook(body, request.headers.get("stripe-signature", ""))
    except ForgedEvent as forged:
        log.warning("webhook_refused", provider="stripe", reason=str(forged))
        return JSONResponse({"error": "not a genuine event"}, status_code=400)
    if isinstance(report, Hint):
        await sending.hint(report.object_ref)
    elif isinstance(report, DisputeReport):
        await hearing.hear(report)
    elif report is not None:
        await settlement.hear(report)
    return JSONResponse({"received": True})
