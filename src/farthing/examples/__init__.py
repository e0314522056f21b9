"""One small piece of work for each profile: `farthing example NAME` runs it, `--show` prints it."""
