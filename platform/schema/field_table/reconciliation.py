"""Rows about reconciliation, which is the operators' alone."""

from typing import Final

from schema.field_table.roles import OPERATORS

ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", OPERATORS, "reconciliationRuns reconciliationItems payoutGates"),
    ("Mutation", OPERATORS, "reconcileRun reconciliationItemResolve payoutGateSet"),
    ("ReconciliationRun", OPERATORS, "day step problem entriesFetched postingsRead ordersRead"),
    ("ReconciliationRun", OPERATORS, "referencesMatched beganAt endedAt totals"),
    ("ReconciliationTotal", OPERATORS, "book ourCount ours ourFees theirCount theirs theirFees"),
    ("ReconciliationItemConnection", OPERATORS, "nodes pageInfo"),
    ("ReconciliationItem", OPERATORS, "id day lastDay book reference kind fix fixInWords"),
    ("ReconciliationItem", OPERATORS, "ourCount theirCount ours theirs ourFee theirFee"),
    ("ReconciliationItem", OPERATORS, "difference state how decidedBy decidedAt reason foundAt"),
    ("PayoutGate", OPERATORS, "threshold open openItems shutSince"),
    ("ReconciliationStarted", OPERATORS, "run"),
    ("ReconciliationItemDecided", OPERATORS, "item"),
    ("PayoutGateChanged", OPERATORS, "gate"),
)
