"""What every page of a list has."""

import strawberry


@strawberry.type
class PageInfo:
    """Whether more follows, and the cursor to ask for it with."""

    has_next_page: bool
    end_cursor: str | None
