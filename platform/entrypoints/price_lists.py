"""Price lists beside the API: fetched and sent under signed addresses.

The address is the permission: it names the shop, which must be the request's, the way, and its end.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kernel.errors import Forbidden, Refusal
from offers.price_desk.files import keep_upload, read_ticket
from offers.price_desk.price_lists.exporting import export_price_list
from offers.price_desk.sheets import FileFormat
from tenants.directory import Shop

_TYPES: Final = {
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_PRIVATE: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


async def price_list(request: Request) -> Response:
    """Answer for one signed address: the file, or that the upload is kept."""
    shop: Shop = request.scope["kameng.shop"]
    token = request.path_params["token"]
    try:
        if request.method == "PUT":
            return await _keep(shop, token, request)
        return await _file(shop, token)
    except Refusal as refusal:
        status = 403 if isinstance(refusal, Forbidden) else 400
        body = {"errors": [{"message": refusal.message, "extensions": {"code": refusal.code}}]}
        return JSONResponse(body, status_code=status, headers=_PRIVATE)


async def _keep(shop: Shop, token: str, request: Request) -> Response:
    address = await read_ticket(token, shop=shop, way="IN")
    await keep_upload(address, await request.body())
    return Response(status_code=204, headers=_PRIVATE)


async def _file(shop: Shop, token: str) -> Response:
    address = await read_ticket(token, shop=shop, way="OUT")
    content = await export_price_list(
        shop, file_format=address.file_format, english=address.english
    )
    name = f"prices-{shop.slug}.{address.file_format.lower()}"
    headers = {**_PRIVATE, "content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=_TYPES[address.file_format], headers=headers)
