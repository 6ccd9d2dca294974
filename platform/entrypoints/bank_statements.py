"""Bank statements beside the API: sent by an operator to a signed address, which permits it."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from billing.bank.files import keep_statement
from kernel.errors import Forbidden, Refusal

_PRIVATE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


async def bank_statement(request: Request) -> Response:
    """Answer for one signed address: the statement is kept, and the worker imports it."""
    try:
        await keep_statement(request.path_params["token"], await request.body())
    except Refusal as refusal:
        status = 403 if isinstance(refusal, Forbidden) else 400
        body = {"errors": [{"message": refusal.message, "extensions": {"code": refusal.code}}]}
        return JSONResponse(body, status_code=status, headers=_PRIVATE)
    return Response(status_code=204, headers=_PRIVATE)
