"""The bank's files beside the API: each is fetched once, under a signed address."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from billing.payouts.bank_files import take_file
from kernel.errors import Refusal

_PRIVATE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


async def payout_file(request: Request) -> Response:
    """Answer for one address: the file, or that the address has ended."""
    try:
        file = await take_file(request.path_params["token"])
    except Refusal as refusal:
        body = {"errors": [{"message": refusal.message, "extensions": {"code": refusal.code}}]}
        return JSONResponse(body, status_code=403, headers=_PRIVATE)
    headers = {**_PRIVATE, "content-disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, media_type="text/csv; charset=utf-8", headers=headers)
