"""Routing: what a task is, which models it is tried on, and what follows from how a try ends."""
