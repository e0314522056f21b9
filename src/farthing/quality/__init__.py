"""Whether answers are good: what a prompt expects of its answer. Judges come later."""
