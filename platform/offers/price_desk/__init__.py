"""The price desk: where a shop changes its prices, tries a change out, and asks why one is so.

What is written is checked first against the guards of `tenants.pricing`, for the writer's own shop
and for what it charges its children; an explanation, a dry run and a file are cut to what their
reader may know (domain 2): its own cost and its direct children's, nothing above and nothing
further down.
"""
