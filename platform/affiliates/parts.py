"""The attribution's part of the sale's statement: by which rule whom an order thanks, or does not.

An order to which nobody was brought is placed by a statement that has no `WRITE`.
"""

from typing import Any, Final

from affiliates.deciding import Verdict

WRITE: Final = """
the_attribution as (
    insert into attributions (tenant_id, order_id, affiliate_id, rule, link_id, click_id,
                              clicked_at, upline_ids, passed_over_id, passed_over_at, made_at)
    select :tenant_id::uuid, :order_id::uuid, :brought_by::uuid, :attribution_rule::text,
           :attribution_link::uuid, :attribution_click::uuid, :attribution_clicked_at::timestamptz,
           :attribution_uplines::uuid[], :passed_over::uuid, :passed_over_at::timestamptz,
           moment.now
    from ready, moment
)
"""
"""Writes what was decided, where `ready` has a row."""


def attribution_values(verdict: Verdict) -> dict[str, Any]:
    """Give the values of `WRITE`."""
    candidate, other = verdict.candidate, verdict.passed_over
    return {
        "brought_by": candidate.affiliate_id,
        "attribution_rule": str(verdict.rule),
        "attribution_link": candidate.link_id,
        "attribution_click": candidate.click_id,
        "attribution_clicked_at": candidate.clicked_at,
        "attribution_uplines": [one.affiliate_id for one in candidate.uplines],
        "passed_over": other.affiliate_id if other else None,
        "passed_over_at": other.clicked_at if other else None,
    }
