"""From a visit to a page: templates, headers, and what is shown when there is nothing to show."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zlib import crc32

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from kernel.clock import utc_now
from kernel.settings import settings
from web.asking import PageRefused, Problem
from web.forms import Form, FormRefused, read_form
from web.visit import Visit, visit_of

Page = Callable[[Visit], Awaitable[Response]]
FormHandler = Callable[[Visit, Form], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]

_TILE_COLOURS: Final = 8
_CHINA: Final = timezone(timedelta(hours=8))
# A browser holds every hop of a form's redirects against `form-action`.
_STRIPE_API: Final = "api.stripe.com"
_STRIPE_PAGES: Final = ("https://*.stripe.com", "https://*.alipay.com")

_SORRY: Final = {
    400: ("无法理解这个请求", "This request cannot be understood"),
    403: ("页面已过期，请返回重试", "This form has expired: go back and try again"),
    404: ("找不到这个页面", "There is no such page"),
    415: ("无法理解这个请求", "This request cannot be understood"),
    429: ("操作过于频繁，请稍后再试", "Too many attempts: try again later"),
    500: ("抱歉，出了点问题，请稍后再试", "Sorry, something went wrong: try again in a moment"),
}
_REFUSED_STATUS: Final = {"NOT_FOUND": 404, "FORBIDDEN": 403, "RATE_LIMITED": 429}


def page(handler: Page) -> Endpoint:
    """Make an endpoint out of a function that shows a page."""

    async def endpoint(request: Request) -> Response:
        visit = await visit_of(request)
        try:
            response = await handler(visit)
        except PageRefused as refused:
            response = sorry(visit, refused.status)
        return _finished(visit, response)

    return endpoint


def form(handler: FormHandler) -> Endpoint:
    """Make an endpoint out of a function that takes one of our own forms."""

    async def endpoint(request: Request) -> Response:
        visit = await visit_of(request)
        try:
            response = await handler(visit, await read_form(visit))
        except (FormRefused, PageRefused) as refused:
            response = sorry(visit, refused.status)
        return _finished(visit, response)

    return endpoint


def show(
    visit: Visit,
    template: str,
    *,
    status: int = 200,
    problem: Problem | None = None,
    filled: Form | None = None,
    **values: Any,
) -> Response:
    """Render a template with what every page has, and `values`.

    A form that was refused is shown again with its problem and as it was `filled` in.
    """
    context = visit.context
    html = _TEMPLATES.get_template(template).render(
        shop=context.shop,
        front=visit.front,
        english=context.english,
        # A page has all its words in both languages; that one of them is empty is meant so.
        words=lambda zh, en: en if context.english else zh,
        signed_in=context.customer_id is not None,
        csrf_token=visit.csrf_token,
        problem=problem,
        filled=defaultdict(str, filled.texts if filled else {}),
        **values,
    )
    return HTMLResponse(
        html, status_code=_REFUSED_STATUS.get(problem.code, 422) if problem else status
    )


def sorry(visit: Visit, status: int) -> Response:
    """Render the page that stands for a page which cannot be shown."""
    zh, en = _SORRY.get(status, _SORRY[500])
    return show(visit, "sorry.html", status=status, message=visit.context.words(zh, en))


def go_to(address: str) -> Response:
    """Send the browser on with GET, whatever it came with."""
    return RedirectResponse(address, status_code=303)


def local_path(text: str | None, *, otherwise: str) -> str:
    """Return `text` if it is a path of this shop, and else `otherwise`.

    Browsers read `//host`, `/\\host` and a path with a tab inside as another site's address.
    """
    if not text or not text.startswith("/") or text.startswith("//") or "\\" in text:
        return otherwise
    return text if text.isascii() and text.isprintable() and " " not in text else otherwise


def _finished(visit: Visit, response: Response) -> Response:
    """The headers of every page. A page is one visitor's and may hold a token: nobody keeps it."""
    visit.settle_cookies(response)
    headers = response.headers
    headers["content-security-policy"] = (
        "default-src 'self'; script-src 'none'; object-src 'none'; base-uri 'none'; "
        f"img-src 'self' {' '.join(visit.front.picture_origins)}; "
        f"frame-ancestors 'none'; form-action 'self' {' '.join(_channel_origins())}"
    )
    headers["cache-control"] = "no-store"
    headers["referrer-policy"] = "no-referrer"
    headers["vary"] = "Cookie, Accept-Language"
    return response


def _channel_origins() -> list[str]:
    """Where a payment's form may lead: the channel's own pages."""
    config = settings()
    pages = [config.stripe_card_page] if config.stripe_card_page else []
    if urlsplit(config.stripe_api_url).hostname != _STRIPE_API:
        pages.append(config.stripe_api_url)  # the sandbox shows its pages where its API is
    origins = {f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, pages)}
    return sorted(origins) or list(_STRIPE_PAGES)


def _tile(text: str) -> int:
    """A colour for a product that has no picture, always the same one."""
    return crc32(text.encode()) % _TILE_COLOURS


def _initial(name: str) -> str:
    """The first letter of a name that is one: brackets and quotes are not."""
    return next((letter for letter in name if letter.isalnum()), "#").upper()


def _moment(iso: str, english: bool) -> str:
    """A time for people: China's in a Chinese page, UTC in an English one."""
    zone = UTC if english else _CHINA
    written = datetime.fromisoformat(iso).astimezone(zone).strftime("%Y-%m-%d %H:%M")
    return f"{written} UTC" if english else written


def _duration(seconds: int, english: bool) -> str:
    """A length of time for people, in its largest whole unit."""
    units = ((86_400, "天", "d"), (3_600, "小时", "h"), (60, "分钟", "min"), (1, "秒", "s"))
    size, zh, en = next(unit for unit in units if seconds >= unit[0])
    return f"{seconds // size} {en if english else zh}"


def _discount(discount_bp: int, english: bool) -> str:
    """What is off the face value, as people say it: 300 basis points are 9.7 折, or 3 %."""
    if english:
        return f"{discount_bp / 100:g}% off the face value"
    return f"面值 {(10_000 - discount_bp) / 1_000:g} 折"


def _minutes_left(iso: str) -> int:
    """Whole minutes until then, at least 1 for as long as it is not over."""
    seconds = (datetime.fromisoformat(iso) - utc_now()).total_seconds()
    return max(1, int(seconds // 60))


_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    auto_reload=False,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(
    tile=_tile,
    initial=_initial,
    moment=_moment,
    duration=_duration,
    discount=_discount,
    minutes_left=_minutes_left,
)
