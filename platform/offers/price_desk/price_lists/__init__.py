"""A shop's price list as a file, of any length: what goes out, and what an import of it changes.

`exporting.py` writes it; `plan.py` says what a file asks for in terms of the shop's own; an import
is asked for in `imports.py` and made by the worker in `turns.py`, stretch by stretch. It is one
change like any other: all of it is tried against the guards, and all or nothing is written. What is
wrong with a row is said with its line, its column and a code.
"""
