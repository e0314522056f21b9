"""Whether a configuration's rules can act: what is wrong with them on paper, and drills that provoke them."""
