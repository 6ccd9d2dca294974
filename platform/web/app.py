"""The routes of the shop's pages."""

from starlette.routing import BaseRoute


def web_routes() -> list[BaseRoute]:
    """Every page of a shop."""
    return []
