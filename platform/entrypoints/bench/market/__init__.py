"""The market that is measured: shops in a tree with rules at every level, goods, keys, buyers.

All of it is made by set-based SQL, so that a million keys take seconds. What is synthetic about it
stands in `docs/performance/README.md`: most keys hold noise instead of a sealed secret.
"""
