"""How fast the product is, beside what PostgreSQL alone can do with the same statements.

Each workload runs on databases of its own: the product's real processes over HTTP, and in turn,
in the same run, `pgbench` with the statements that the product itself issues for the workload.
Their ratio says what the product costs on top of its SQL, on whichever machine it is measured.
"""
