"""Claims pieces until there are none, and finishes each: started in several processes by `test_claims.py`.

Arguments: the database's URL, the epoch to claim by. Prints the names it finished, one a line.
"""

import sys

from farthing.storage.database import Database
from farthing.swarm import claims


def main(url: str, epoch: int) -> None:
    database = Database(url)
    while found := claims.claim(database, epoch, 3):
        for one in found:
            if claims.finish(database, one.run_id, one.name, epoch, "{}"):
                sys.stdout.write(f"{one.name}\n")
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
