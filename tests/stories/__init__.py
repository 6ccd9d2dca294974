"""The stories: whole purchases over HTTP, on the real processes and engines.

A package, so that its files share one running platform (fixtures of package scope).
"""
