"""What the worker does for affiliates: clicks are written, and what they brought is counted."""

from typing import Final

from affiliates import clicks
from entrypoints.sweep import Sweep
from orders.conversions import noting

AFFILIATE_SWEEPS: Final = (
    Sweep(work=clicks.flush_clicks, every_seconds=1.0, batch=clicks.CLICKS_AT_ONCE),
    Sweep(work=noting.note_conversions, every_seconds=2.0, batch=noting.ORDERS_AT_ONCE),
)
