"""Benchmarks: one module a claim."""
