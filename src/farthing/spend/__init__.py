"""Spend: budgets that hold, a ledger that can be proved, alerts and reports."""
