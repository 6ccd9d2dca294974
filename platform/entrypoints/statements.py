"""Statements beside the API: fetched under signed addresses, piece by piece.

The address is the permission: it names the shop, which must be the request's, the file, and its
end.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from bookkeeping.statements.files import read_address
from bookkeeping.statements.writers import StatementFormat
from kernel.errors import Forbidden
from tenants.directory import Shop

_TYPES: Final = {
    StatementFormat.CSV: "text/csv; charset=utf-8",
    StatementFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    StatementFormat.PDF: "application/pdf",
}
_PRIVATE: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


async def statement(request: Request) -> Response:
    """Answer for one signed address with the file."""
    shop: Shop = request.scope["kameng.shop"]
    try:
        found = await read_address(request.path_params["token"], shop=shop)
    except Forbidden as refusal:
        body = {"errors": [{"message": refusal.message, "extensions": {"code": refusal.code}}]}
        return JSONResponse(body, status_code=403, headers=_PRIVATE)
    name = f"statement-{found.file_id}.{found.format.lower()}"
    headers = {
        **_PRIVATE,
        "content-disposition": f'attachment; filename="{name}"',
        "content-length": str(found.size_bytes),
        "etag": f'"{found.sha256.hex()}"',
    }
    return StreamingResponse(found.pieces(), media_type=_TYPES[found.format], headers=headers)
