"""OpenRouter on the wire: the only place that calls it."""
