"""Vectors that outlive their process, in a file that may be torn, foreign, or not to be written."""

from array import array
from pathlib import Path

import pytest
from tests.swarm.scripted import Say, Scripted, in_turn
from tests.swarm.test_finder import TOOLS, events_of, work

from farthing.cache.embed import Embedder
from farthing.cache.meaning import Vector
from farthing.swarm.finder import Finder
from farthing.swarm.vectorfile import add_vectors, digest_of, read_vectors, vector_file

ONE, OTHER = (array("f", [1.0 if at == place else 0.0 for at in range(384)]) for place in (0, 1))
A, B = digest_of("a"), digest_of("b")


def test_what_is_added_is_read(tmp_path: Path) -> None:
    path = tmp_path / "farthing" / "vectors.bin"
    assert read_vectors(path) == {}
    add_vectors(path, {A: ONE})
    add_vectors(path, {B: OTHER})
    assert read_vectors(path) == {A: ONE, B: OTHER}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_torn_file_is_read_as_far_as_it_goes_and_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "vectors.bin"
    add_vectors(path, {A: ONE, B: OTHER})
    path.write_bytes(path.read_bytes()[:-1])
    assert read_vectors(path) == {A: ONE}
    add_vectors(path, {B: OTHER})
    assert read_vectors(path) == {B: OTHER}


@pytest.mark.parametrize("content", [b"", b"not ours", bytes(3 * 1568), b"\xff" * 1568])
def test_what_is_no_vector_of_length_one_is_not_taken(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vectors.bin"
    path.write_bytes(content)
    assert read_vectors(path) == {}


def test_where_nothing_can_be_written_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    add_vectors(tmp_path / "file" / "vectors.bin", {A: ONE})
    assert read_vectors(tmp_path / "file" / "vectors.bin") == {}


def test_it_lies_in_the_users_cache() -> None:
    assert vector_file({"XDG_CACHE_HOME": "/c", "HOME": "/h"}) == Path("/c/farthing/tool-vectors.bin")
    assert vector_file({"HOME": "/h"}) == Path("/h/.cache/farthing/tool-vectors.bin")
    assert vector_file({}) is vector_file({"XDG_CACHE_HOME": "here"}) is None


async def test_the_next_process_embeds_the_question_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, gist = list[str](), Embedder.gist

    async def counted(embedder: Embedder, text: str) -> Vector:
        seen.append(text)
        return await gist(embedder, text)

    monkeypatch.setattr(Embedder, "gist", counted)
    told: list[list[str]] = []
    for expected in (len(TOOLS) + 1, 1):
        finder, journey = (
            Finder(offered=4, kept=tmp_path / "v.bin"),
            Scripted(script=in_turn([Say(text="x")])),
        )
        try:
            await events_of(journey, work("Which melodies do I have?"), finder)
        finally:
            finder.close()
        assert len(seen) == expected
        seen.clear()
        told.append([tool.name for tool in journey.tasks[0].tools])
    assert told[0] == told[1]
