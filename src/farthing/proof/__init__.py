"""The proof that a ledger is right: replayed row by row, held against the bill, copied and put away."""
