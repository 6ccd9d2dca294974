"""The provider's own page for the holder of a connected account, reached by an account link."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.stripe import accounts
from sandbox.stripe.errors import NoSuchObject
from sandbox.stripe.pages import HEADERS, TEMPLATES, missing
from sandbox.stripe.server import Sandbox
from sandbox.stripe.wire import Json


class Onboarding:
    """What holders see. The unguessable link is the invitation, once and for some minutes."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """Give the page's routes."""
        return [
            Route("/onboarding/{id}", self._show, methods=["GET"]),
            Route("/onboarding/{id}", self._finish, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        link = self._link(request)
        if link is None:
            return missing()
        html = TEMPLATES.get_template("onboarding.html").render(link_id=link["id"])
        return HTMLResponse(html, headers=HEADERS)

    async def _finish(self, request: Request) -> Response:
        link = self._link(request)
        if link is None:
            return missing()
        work = self._sandbox.work()
        with work.store.transaction():
            work.store.save({**link, "expires_at": work.created})
            accounts.onboard(work, account_id=link["_account"])
        self._sandbox.mail_waits.set()
        return RedirectResponse(link["_return_url"], status_code=303, headers=HEADERS)

    def _link(self, request: Request) -> Json | None:
        """The link, while it is good."""
        work = self._sandbox.work()
        try:
            link = work.store.get(kind="account_link", object_id=request.path_params["id"])
        except NoSuchObject:
            return None
        return link if work.created < link["expires_at"] else None
