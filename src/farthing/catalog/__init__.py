"""Which models there are, what they cost on which day, and what replaces a model that is gone."""
