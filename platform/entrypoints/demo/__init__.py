"""The demo: seven shops, their goods and people, and keys to sell; loaded as often as you like.

`load.py` tells the story. What is loaded stands in `data/`; `records.py` reads it. Rows have ids
made of their names, so that a second run finds them, and a killed one is completed by the next.
"""

from entrypoints.demo.load import DemoSummary, NotForProduction, load_demo, main, write_demo
from entrypoints.demo.shops import AnotherPlatform

__all__ = [
    "AnotherPlatform",
    "DemoSummary",
    "NotForProduction",
    "load_demo",
    "main",
    "write_demo",
]
