"""What was asked and answered, kept for some days where a configuration says so; never part of the ledger."""
