"""A visitor without JavaScript: cookies, links and forms over HTTP, and nothing else."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

import httpx

from processes import Platform
from world import Person, ShopAt


@dataclass
class PageForm:
    """A form as it stands in a page, with what it would send untouched."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    """Radio buttons and named buttons: what may be chosen."""


class Page(HTMLParser):
    """An answer, and what a browser would make of it."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.status = response.status_code
        self.headers = response.headers
        self.source = response.text
        self.forms: list[PageForm] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.codes: list[str] = []
        self._texts: list[str] = []
        self._in_code = False
        self.feed(self.source)

    @property
    def text(self) -> str:
        """What a reader sees, with single spaces."""
        return " ".join(" ".join(self._texts).split())

    @property
    def to(self) -> str:
        """Where a redirect leads."""
        assert self.status == 303, f"{self.status}: {self.text}"
        return self.headers["location"]

    def form(self, action: str) -> PageForm:
        """The form that goes to an address ending so."""
        (found,) = (form for form in self.forms if form.action.endswith(action))
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self._in_code = tag == "code"
        if tag == "a":
            self.links.append(has.get("href", ""))
        elif tag == "form":
            self.forms.append(PageForm(has["action"]))
        elif tag in ("input", "button") and "name" in has and "disabled" not in has:
            self._control(tag, has)

    def _control(self, tag: str, has: dict[str, str]) -> None:
        form = self.forms[-1]
        name, value = has["name"], has.get("value", "")
        chosen = has.get("type") == "radio" or tag == "button"
        if chosen:
            form.choices.setdefault(name, []).append(value)
        if not chosen or "checked" in has:
            form.fields[name] = value

    def handle_data(self, data: str) -> None:
        self._texts.append(data)
        if self._in_code:
            self.codes.append(data.strip())
            self._in_code = False


class Visitor:
    """One browser at one shop."""

    def __init__(self, platform: Platform, shop: ShopAt, language: str) -> None:
        self.platform = platform
        self.host = f"{shop.host}:{platform.api_port}"
        self.browser = httpx.AsyncClient(
            timeout=30, trust_env=False, headers={"accept-language": language}
        )

    async def close(self) -> None:
        """Close the browser."""
        await self.browser.aclose()

    def come_in(self, person: Person) -> None:
        """Be signed in already, as somebody of the world."""
        self.browser.cookies.set("kameng-session", person.token, domain="127.0.0.1", path="/")

    async def get(self, address: str, **headers: str) -> Page:
        """Open a page of the shop, by its path or by its whole address."""
        parts = urlsplit(address)
        assert parts.netloc in ("", self.host), address
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return Page(
            await self.browser.get(
                f"{self.platform.api_url}{path}", headers={"host": self.host, **headers}
            )
        )

    async def post(self, action: str, fields: dict[str, str], **headers: str) -> Page:
        """Send a form, as a browser sends its own site's."""
        sent = {
            "host": self.host,
            "origin": f"http://{self.host}",
            "sec-fetch-site": "same-origin",
            **headers,
        }
        url = f"{self.platform.api_url}{action}"
        return Page(await self.browser.post(url, data=fields, headers=sent))

    async def submit(self, page: Page, action: str, **filled: str) -> Page:
        """Fill in a form of a page and send it."""
        form = page.form(action)
        return await self.post(form.action, {**form.fields, **filled})

    async def buy(self, slug: str, method: str, **filled: str) -> Page:
        """Buy a product with what its form offers first; returns the answer to the form."""
        page = await self.get(f"/p/{slug}")
        return await self.submit(page, "/buy", method=method, **filled)

    async def decide(self, address: str, decision: str) -> Page:
        """Approve or refuse on the channel's page, and come back to the shop."""
        assert address.startswith(f"{self.platform.sandbox_url}/"), address
        page = Page(await self.browser.get(address))
        (form,) = page.forms
        answer = await self.browser.post(
            f"{self.platform.sandbox_url}{form.action}",
            data={**form.fields, "decision": decision},
        )
        assert answer.status_code == 303, answer.text
        return await self.get(answer.headers["location"], **{"sec-fetch-site": "cross-site"})

    async def settle(self, address: str, decision: str = "approve") -> Page:
        """Go through the channel's page to the order's own page."""
        back = await self.decide(address, decision)
        return await self.get(back.to)
