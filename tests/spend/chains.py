"""The chain checked in the plainest way, apart from the product's own replay."""

from collections.abc import Iterable

from farthing.spend.ledger import Row, genesis, row_hash


def first_broken_link(rows: Iterable[Row]) -> Row | None:
    """The first row that does not follow from those before it in its epoch; None when every chain holds."""
    heads: dict[int, str] = {}
    for row in rows:
        head = heads.get(row.epoch) or genesis(row.epoch)
        if row_hash(head, *row[:-1]) != row.hash:
            return row
        heads[row.epoch] = row.hash
    return None
