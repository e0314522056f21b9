"""What agents remember together: `shared.py` is the way in, `edits.py` what each change means."""
