"""Why points are not taken, in one word for programs and one sentence for people."""

from typing import Final

from kernel.errors import Refusal

_FIELD: Final = "redeemPoints"


class PointsNotApplicable(Refusal):
    """So many points cannot pay for this order; `details` says why in one word."""

    code = "POINTS_NOT_APPLICABLE"


def customers_only() -> PointsNotApplicable:
    """For a guest, who has none."""
    details = {"reason": "CUSTOMERS_ONLY"}
    return PointsNotApplicable("Sign in to use points.", field=_FIELD, details=details)


def no_program() -> PointsNotApplicable:
    """For a shop that gives none."""
    details = {"reason": "NO_PROGRAM"}
    return PointsNotApplicable("This shop has no points.", field=_FIELD, details=details)


def too_few(least: int) -> PointsNotApplicable:
    """For a redemption that is smaller than the shop allows."""
    details: dict[str, int | str] = {"reason": "TOO_FEW", "least": least}
    return PointsNotApplicable(
        f"At least {least} points are used at once.", field=_FIELD, details=details
    )


def too_many(most: int) -> PointsNotApplicable:
    """For more than the customer has, or than may pay for the order."""
    details: dict[str, int | str] = {"reason": "TOO_MANY", "most": most}
    return PointsNotApplicable(
        f"At most {most} points can be used here.", field=_FIELD, details=details
    )


def gone() -> PointsNotApplicable:
    """For points that another order has taken at the same moment."""
    details = {"reason": "GONE"}
    return PointsNotApplicable("These points were used meanwhile.", field=_FIELD, details=details)
