"""`python -m farthing`: the command line, where the `farthing` script is not on the path."""

from farthing.cli.main import run

if __name__ == "__main__":
    run()
