"""The sentences and programs that simulated answers are made of. Data only, written for Farthing.

`{topic}` is what the request is about, `{part}` the share of the work it names, `{name}` an identifier made
of the topic. `compose.py` picks and fills them.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What one role has to say."""

    openers: tuple[str, ...]
    points: tuple[str, ...]
    closers: tuple[str, ...]
    code: bool = False


VOICES: Mapping[str, Voice] = {
    "researcher": Voice(
        openers=(
            "Findings on {part} for {topic}:",
            "I looked into {part} with {topic} in mind.",
            "Research notes, {topic}: {part}.",
        ),
        points=(
            "Reads outnumber writes by far, so the read path of {topic} decides the design.",
            "Comparable systems keep one authoritative table and put a cache in front of it.",
            "The usual early failure is a hot key; a short cache lifetime takes most of its load.",
            "Identifiers drawn at random avoid a central counter, at the price of a collision check.",
            "Abuse starts within days of launch: a limit per client belongs in the first version.",
            "Most cost at small scale is idle capacity, which favours one process and one database file.",
            "Users notice latency above 100 ms on {topic}; one indexed look-up stays well below that.",
            "Retention rules need a stated lifetime for each record and a job that enforces it.",
            "Open question: whether {part} must keep working while the database is away.",
        ),
        closers=(
            "Recommendation: start simple and measure the read path first.",
            "Confidence is fair; load figures of our own would raise it.",
        ),
    ),
    "planner": Voice(
        openers=("Plan for {topic}, with {part} in view:", "Here is how I would order the work on {topic}."),
        points=(
            "First the data model and its one invariant, with a test that breaks when it is lost.",
            "Then the smallest path through {topic} that a user can try.",
            "Errors next: every refusal says what was wrong and what to do.",
            "Limits and clean-up before the first outside user.",
            "Measurements last, against figures written down today.",
            "Each step ends with something that runs; none takes longer than two days.",
            "The riskiest part is {part}, so it comes early.",
        ),
        closers=(
            "The first two steps can go to different people at once.",
            "Stop after any step: what exists then is usable.",
        ),
    ),
    "analyst": Voice(
        openers=("Analysis of {topic}: {part}.", "What the requirements of {topic} come down to:"),
        points=(
            "Two requirements pull apart: links that never break, and records that expire.",
            "The load has one dominant operation, and it reads a single row by its key.",
            "A factor of ten in traffic changes the cache, not the schema.",
            "The cost grows with stored records, not with requests, until the cache no longer fits.",
            "A wrong answer is worse than a late one here, so consistency wins where they conflict.",
            "The unknown that matters most is how many records are read only once.",
            "Three measures tell whether {topic} is healthy: errors, the slowest hundredth, and growth.",
        ),
        closers=(
            "On balance the simple design holds for the first year.",
            "The decision should be looked at again when traffic has doubled twice.",
        ),
    ),
    "coder": Voice(
        openers=(
            "Implementation of {part} for {topic}:",
            "Here is {part}, ready to run.",
            "This covers {part} of {topic}.",
        ),
        points=(
            "The function is pure, so its tests need no set-up.",
            "Bad input is refused at the edge with the value that was wrong.",
            "One statement writes, so two writers cannot leave half a record.",
            "Names follow the words used for {topic} elsewhere.",
            "The look-up uses the primary key and nothing else.",
            "Left out on purpose: sign-in, which belongs to another part.",
        ),
        closers=(
            "Next would be the tests for the error paths.",
            "It has no dependency outside the standard library.",
        ),
        code=True,
    ),
    "reviewer": Voice(
        openers=("Review of {part} for {topic}:", "I read the work on {topic}, above all {part}."),
        points=(
            "Correct as far as I can see: the main path does what it says.",
            "Must change: an existing key is overwritten without a word; refuse it instead.",
            "Must change: the input length is not bounded.",
            "Should change: the error names the field but not the value.",
            "Good: the write is one statement, so no half record can be left.",
            "Good: the names are those of the plan.",
            "Question: what happens to {topic} when the clock goes back?",
            "The tests cover success; two refusals have none.",
        ),
        closers=("Verdict: accept after the two changes.", "Verdict: sound, with small corrections."),
    ),
    "tester": Voice(
        openers=("Tests for {part} of {topic}:", "How I would try to break {topic}:"),
        points=(
            "A round trip: what was stored comes back unchanged.",
            "A key that does not exist is a clear refusal, not an empty answer.",
            "Two writers with the same key: exactly one wins.",
            "The longest input that is allowed, and one longer.",
            "A record at the very moment it expires.",
            "Text outside ASCII survives the whole way.",
        ),
        closers=("All of them run in under a second.", "The race is the one most likely to fail first."),
        code=True,
    ),
    "writer": Voice(
        openers=("{topic}, in short: {part}.", "A short text on {topic}."),
        points=(
            "It does one thing, and a newcomer can use it within a minute.",
            "You give it a value; it gives you back a short name for it.",
            "If something is refused, the message says why and what to do next.",
            "Nothing has to be set up before the first try.",
            "Records are kept for a stated time and then removed.",
            "There are limits, and they are written where you meet them.",
        ),
        closers=(
            "Questions are welcome; the answers will end up in this text.",
            "That is all you need to begin.",
        ),
    ),
    "synthesis": Voice(
        openers=(
            "Result for {topic}, drawn from all parts of the work:",
            "Putting the parts together, {topic} looks like this:",
        ),
        points=(
            "The researchers agree that reads dominate, so a read is one indexed look-up.",
            "The implementation keeps writes to one statement and refuses bad input at the edge.",
            "The reviews ask for two changes before release: bound the input, and never overwrite a key.",
            "Limits per client and a stated lifetime are part of the first version.",
            "The open risk is a single hot key; a short cache lifetime answers it.",
            "The order of work: data model, main path, refusals, limits, measurements.",
            "What remains undecided is how {topic} behaves while its database is away.",
        ),
        closers=(
            "With the two changes made, the first version can be tried by users.",
            "The next step is a load test against the figures above.",
        ),
    ),
    "general": Voice(
        openers=("On {topic}:", "About {topic}, briefly:", "Here is what matters about {topic}."),
        points=(
            "It helps to name the goal first and the means second.",
            "Most of the difficulty is in a few cases; the rest is routine.",
            "Start with the smallest version that answers the question.",
            "Write down what would show that it works, then look for exactly that.",
            "Two approaches are common; the simpler one is enough until the load says otherwise.",
            "A limit that nobody wrote down will be found by a user.",
            "Compare against what exists today, not against an ideal.",
        ),
        closers=(
            "If you tell me more about the constraints, I can be more exact.",
            "That should be enough to take the next step.",
        ),
    ),
    "simple": Voice(
        openers=("{topic}: yes, in short.", "Short answer on {topic}:"),
        points=("It works as the name says.", "One step is enough."),
        closers=("Done.",),
    ),
}

_SHORTENER = (
    '''```python
"""Short codes: drawn at random, written in 62 characters."""

import secrets
import string

ALPHABET = string.digits + string.ascii_letters


def short_code(length: int = 7) -> str:
    """A code that cannot be guessed from the one before it."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
```''',
    '''```python
"""Links in SQLite: one table, one statement per operation."""

import sqlite3
from urllib.parse import urlsplit


class Links:
    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute("CREATE TABLE IF NOT EXISTS link (code TEXT PRIMARY KEY, url TEXT NOT NULL)")

    def add(self, code: str, url: str) -> None:
        if urlsplit(url).scheme not in {"http", "https"} or len(url) > 2048:
            raise ValueError(f"not a usable address: {url[:80]!r}")
        with self._db:
            self._db.execute("INSERT INTO link (code, url) VALUES (?, ?)", (code, url))

    def find(self, code: str) -> str | None:
        row = self._db.execute("SELECT url FROM link WHERE code = ?", (code,)).fetchone()
        return row[0] if row else None
```''',
    '''```python
"""The redirect: a code comes in, 302 or 404 goes out."""

from http.server import BaseHTTPRequestHandler


class Redirect(BaseHTTPRequestHandler):
    links: dict[str, str] = {}

    def do_GET(self) -> None:
        url = self.links.get(self.path.lstrip("/"))
        if url is None:
            self.send_error(404, "no such link")
            return
        self.send_response(302)
        self.send_header("Location", url)
        self.end_headers()
```''',
)
_FIBONACCI = (
    """```typescript
const known = new Map<number, bigint>([[0, 0n], [1, 1n]]);

export function fibonacci(n: number): bigint {
  if (!Number.isInteger(n) || n < 0) throw new RangeError(`not a natural number: ${n}`);
  const stored = known.get(n);
  if (stored !== undefined) return stored;
  const value = fibonacci(n - 1) + fibonacci(n - 2);
  known.set(n, value);
  return value;
}
```""",
)
_ANY = (
    '''```python
"""{name}: records by key, refused rather than overwritten."""

from dataclasses import dataclass, field


@dataclass
class {name}:
    records: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, value: str) -> None:
        if key in self.records:
            raise KeyError(f"{key!r} exists already")
        self.records[key] = value

    def find(self, key: str) -> str | None:
        return self.records.get(key)
```''',
    '''```python
"""{name}: a limit per client, in a sliding window."""

from collections import deque


class {name}Limit:
    def __init__(self, calls: int, seconds: float) -> None:
        self.calls, self.seconds = calls, seconds
        self._times: dict[str, deque[float]] = {}

    def allows(self, client: str, now: float) -> bool:
        times = self._times.setdefault(client, deque())
        while times and times[0] <= now - self.seconds:
            times.popleft()
        if len(times) >= self.calls:
            return False
        times.append(now)
        return True
```''',
)
_TESTS = (
    """```python
import pytest


def test_what_was_added_is_found(store) -> None:
    store.add("a1", "https://example.org")
    assert store.find("a1") == "https://example.org"


def test_a_key_is_never_overwritten(store) -> None:
    store.add("a1", "https://example.org")
    with pytest.raises(KeyError):
        store.add("a1", "https://example.com")
```""",
    """```python
from concurrent.futures import ThreadPoolExecutor


def test_one_of_two_writers_wins(store) -> None:
    def write(value: str) -> bool:
        try:
            store.add("same", value)
        except KeyError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(write, ["one", "two"])) == [False, True]
```""",
)


def programs(role: str, about: str) -> tuple[str, ...]:
    """The programs that fit a role and a request."""
    if role == "tester":
        return _TESTS
    words = about.lower()
    if "fibonacci" in words:
        return _FIBONACCI
    if "shorten" in words or "short link" in words:
        return _SHORTENER
    return _ANY
