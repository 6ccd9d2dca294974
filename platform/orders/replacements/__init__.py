"""A bad key is replaced (E9): by the same supplier for nothing, or by another one at its price.

What the buyer has paid and all margins above the supply stay as they were sold; the supplier of the
bad key gives up its part, and covers what the other one costs more.
"""
