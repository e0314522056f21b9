"""What a deployment may be told: the schema, the packaged profiles, and reading them from files."""
