"""The prices that calls were reserved by lie beside the rows that name their book."""

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from farthing.testing import ScriptedUpstream, answer, deployment_on


async def test_the_prices_of_a_day_are_kept_once(tmp_path: Path) -> None:
    for _ in range(2):
        async with deployment_on(ScriptedUpstream([answer("four")]), tmp_path) as deployment:
            await deployment.execute_task("What is 2 + 2?")
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        rows = connection.execute("SELECT book, model, rates FROM price").fetchall()
        query = "SELECT DISTINCT json_extract(body, '$.price_book') FROM ledger WHERE kind = 'intent'"
        books = {book for (book,) in connection.execute(query)}
    kept = {model: json.loads(rates)["rates"] for _, model, rates in rows}
    assert len(rows) == len({(book, model) for book, model, _ in rows})
    assert books <= {book for book, _, _ in rows}
    assert Decimal(kept["meta-llama/llama-3.3-70b-instruct"]["prompt"]) == Decimal("0.0000001")
    assert "anthropic/claude-3.5-sonnet" in kept
