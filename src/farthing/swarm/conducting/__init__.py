"""Runs the patterns: one module each, and the match that chooses. What they decide is pure and elsewhere."""
