"""What a shop takes from its buyers: the list that stands in its row."""

from uuid import UUID

from kernel import db
from kernel.errors import Invalid


async def take(tenant_id: UUID, code: str, *, is_taken: bool) -> list[str]:
    """Take a way to pay from now on, or take it no more, inside a transaction; returns the list.

    Said again, it is so already. Raises `Invalid` for the last one.
    """
    codes: list[str] | None = await db.fetch_value(
        """update tenants
           set payment_methods = array_remove(payment_methods, $2)
                                 || case when $3::boolean then array[$2] else '{}' end
           where id = $1 and ($3 or payment_methods <> array[$2])
           returning payment_methods""",
        tenant_id,
        code,
        is_taken,
    )
    if codes is None:
        raise Invalid("A shop takes one way to pay at least.", field="isTaken")
    return codes
