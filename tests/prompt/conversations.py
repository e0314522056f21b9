"""Agent conversations of 200 turns with 50 planted facts each, made from a seed: what compression is held to.

Written and frozen (a test has the digest) before the compressor was tuned. Even seeds are for tuning, odd ones
are held out and use templates that no tuning seed shows. Facts stand in what the user says, in answers, in
files that are read and in documents; around them is chatter, and much that looks like a fact and is never
asked for. A turn is a user's message with all that follows up to the next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import msgspec
from tests.prompt.planted import KINDS, SUBJECTS, value_of

from farthing.task import Message, ToolCall

TURNS = 200
FACTS = 50
TUNING = (0, 2, 4, 6, 8, 10)
HELD_OUT = (1, 3, 5, 7, 9, 11)

_NAMES = ["Tom", "Anna", "Marek", "Lucy", "Pavel", "Rosa"]
_FILES = [f"{folder}/{name}" for folder in ("src/orders", "src/stock", "src/web") for name in
          ("views.py", "models.py", "tasks.py", "forms.py", "sync.py", "limits.toml", "deploy.yaml")]  # fmt: skip
_VERBS = [
    "load",
    "save",
    "merge",
    "split",
    "check",
    "apply",
    "parse",
    "render",
    "fetch",
    "prune",
    "count",
    "order",
]
_NOUNS = [
    "order",
    "parcel",
    "basket",
    "client",
    "record",
    "window",
    "batch",
    "label",
    "ticket",
    "voucher",
    "shelf",
    "carrier",
]
_USER = (
    "Thanks, that looks better.", "Hm, let me think about that for a moment.", "Sorry, I was in a call with {name}.",
    "Can you have another look at the tests?", "I had {n} tabs open and lost track.", "Right, go on then.",
    "{name} said it is roughly what she expected.", "My build took {n} minutes again this morning.",
    "Could you read that file once more?", "I am not sure I follow, but carry on.", "That was quick.",
    "Lunch was late today, so I may be slow.", "Line {n} looked strange to me, but never mind.", "Please continue where you stopped.",
    "What is next on the list?", "Somebody pushed on the {d}th, I think.", "Fine with me.", "Run it again, would you?",
)  # fmt: skip
_ASSISTANT = (
    "I have gone through the file and it reads well overall.", "Let me know whether you would like me to proceed in the same manner.",
    "The structure follows what we have seen in the other modules.", "There were {n} lines in total, most of them unremarkable.",
    "As far as I can tell, this does not affect anything else at the moment.", "I hope that this clears things up.",
    "I will keep an eye on the remaining parts while we move along.", "In general, it is a good idea to take small steps here.",
    "It is worth mentioning that the naming is a little uneven, though nothing serious.", "The test took {n}.{d} seconds on this run.",
    "Of course, I am happy to help with that.", "Having looked at both variants, I would say they are close to each other.",
    "The function {verb}_{noun} is used in {d} places, which is about normal.", "Please tell me if you want more detail on any of this.",
    "To summarise what happened so far: we looked at a few files and made a few small edits.", "Everything else seems unchanged.",
)  # fmt: skip
_PROSE = (
    "The quarterly review covered the usual topics and closed without further questions.",
    "Several teams reported steady progress, and a handful of items were carried over to the next round.",
    "In the spring of 2019 the group had {n} members, which was considered a lot at the time.",
    "Attendance was {n} percent, slightly above the average of the previous meetings.",
    "{name} gave an overview of the market and thanked everybody for their patience.",
    "A longer discussion on wording followed, at the end of which the text was left as it was.",
    "More background can be found in appendix {d}, section {n}, of the older edition.",
    "The room was booked until 5 pm, and the coffee was better than usual.",
)


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    where: str
    """`user`, `assistant`, `document` or `file`."""
    told: str
    question: str
    subject: str
    value: str


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    seed: int
    messages: tuple[Message, ...]
    facts: tuple[Fact, ...]


def conversation(seed: int, *, repeats: bool = True, rare_words: bool = False) -> Conversation:
    """The conversation of a seed. Without `repeats` nothing is read, run or pasted twice; with `rare_words`
    each sentence of chatter has words that stand nowhere else, so that rarity tells nothing of what matters."""
    rng = Random(f"conversation {seed}")
    facts = _facts(rng, held_out=seed % 2 == 1)
    scene = _Scene(
        rng=rng,
        repeats=repeats,
        odd=Random(f"odd {seed}") if rare_words else None,
        waiting=dict(zip(_turns(rng), facts, strict=True)),
    )
    scene.messages.append(
        Message(role="system", content="You are a careful engineer. Use the tools; answer briefly.")
    )
    for turn in range(TURNS):
        scene.play(turn)
    return Conversation(seed=seed, messages=tuple(scene.messages), facts=facts)


def kept(fact: Fact, messages: Sequence[Message]) -> bool:
    """Whether the decisive content still stands beside its subject, in one message or its calls."""
    wanted = (fact.value.lower(), fact.subject.lower().removeprefix("the "))
    texts = ("\n".join((one.text, *(call.arguments for call in one.tool_calls))).lower() for one in messages)
    return any(all(word in text for word in wanted) for text in texts)


def asked(messages: Sequence[Message], question: str) -> tuple[Message, ...]:
    """The conversation with the question as its last message."""
    return (*messages, Message(role="user", content=question))


def _turns(rng: Random) -> list[int]:
    return sorted(rng.sample(range(TURNS - 12), FACTS))  # none among the last, which are kept anyway


def _facts(rng: Random, *, held_out: bool) -> tuple[Fact, ...]:
    pairs = [(kind, subject) for kind in KINDS for subject in SUBJECTS]
    rng.shuffle(pairs)
    facts: list[Fact] = []
    used: set[str] = set()
    for kind, (subject, other) in pairs:
        templates = KINDS[kind].held_out if held_out else KINDS[kind].tuning
        value = value_of(kind, rng)
        if any(value in old or old in value for old in used) or sum(f.kind == kind for f in facts) > 4:
            continue
        used.add(value)
        where = rng.choices(("user", "assistant", "document", "file"), (48, 20, 12, 20))[0]
        if where == "file" and not templates.written:
            where = "user"
        told = rng.choice(templates.written if where == "file" else templates.told).format(s=subject, v=value)
        told = told[0].upper() + told[1:] if where != "file" else told
        question = rng.choice(templates.asked).format(t=other)
        facts.append(Fact(kind=kind, where=where, told=told, question=question, subject=subject, value=value))
        if len(facts) == FACTS:
            return tuple(facts)
    raise AssertionError("too few pairs of kinds and subjects")


@dataclass(slots=True, kw_only=True)
class _Scene:
    """What was said so far, and the files as they stand."""

    rng: Random
    repeats: bool
    odd: Random | None
    waiting: dict[int, Fact]
    messages: list[Message] = field(default_factory=list[Message])
    files: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    documents: list[str] = field(default_factory=list[str])
    calls: int = 0

    def play(self, turn: int) -> None:
        fact = self.waiting.get(turn)
        where = "" if fact is None else fact.where
        told = "" if fact is None else fact.told
        said = self._sentences(_USER, 1, 3)
        if where == "user":
            said.insert(self.rng.randint(0, len(said)), told)
        text = " ".join(said)
        if where == "document" or (turn % 17 == 5):
            text += "\n\n" + self._document(told if where == "document" else "")
        self.messages.append(Message(role="user", content=text))
        if where == "file":
            self._read(told)
        elif self.rng.random() < 0.55:
            self.rng.choice((self._read, self._read, self._edit, self._run, self._list, self._search))("")
        answer = self._sentences(_ASSISTANT, 3, 6)
        if where == "assistant":
            answer.insert(self.rng.randint(0, len(answer)), told)
        self.messages.append(Message(role="assistant", content=" ".join(answer)))

    def _sentences(self, templates: Sequence[str], least: int, most: int) -> list[str]:
        told = [self._fill(one) for one in self.rng.sample(templates, self.rng.randint(least, most))]
        return told if self.odd is None else [self._oddly(one, self.odd) for one in told]

    def _oddly(self, sentence: str, odd: Random) -> str:
        """The sentence with two made-up words before its end."""
        words = ["".join(odd.choice(pair) for pair in ("bdfgklmnprstvz", "aeiou") * 3) for _ in range(2)]
        return f"{sentence[:-1]} {' '.join(words)}{sentence[-1]}"

    def _fill(self, template: str) -> str:
        rng = self.rng
        return template.format(name=rng.choice(_NAMES), n=rng.randint(12, 480), d=rng.randint(2, 9),
                               verb=rng.choice(_VERBS), noun=rng.choice(_NOUNS))  # fmt: skip

    def _use(self, tool: str, arguments: dict[str, object], result: str) -> None:
        self.calls += 1
        call = ToolCall(id=f"call_{self.calls}", name=tool, arguments=msgspec.json.encode(arguments).decode())
        self.messages.append(Message(role="assistant", content=None, tool_calls=(call,)))
        self.messages.append(Message(role="tool", tool_call_id=call.id, content=result))

    def _path(self) -> str:
        if self.repeats:
            return self.rng.choice(_FILES)
        return f"src/part{self.calls}/{self.rng.choice(_FILES).rpartition('/')[2]}"

    def _read(self, told: str) -> None:
        path = self._path()
        lines = self.files.setdefault(path, self._lines(path))
        if told:
            lines.insert(self.rng.randint(0, len(lines)), told)
        self._use("read_file", {"path": path}, "\n".join(lines))

    def _edit(self, _: str) -> None:
        path = self._path()
        lines = self.files.setdefault(path, self._lines(path))
        place = self.rng.randrange(len(lines))
        if any(fact.told == lines[place] for fact in self.waiting.values()):
            return self._run("")
        lines[place] = (
            f"    return {self.rng.choice(_VERBS)}_{self.rng.choice(_NOUNS)}({self.rng.randint(1, 99)})"
        )
        self._use(
            "write_file", {"path": path, "content": "\n".join(lines)}, f"wrote {len(lines)} lines to {path}"
        )
        return None

    def _run(self, _: str) -> None:
        lines = [f"tests/test_{self.rng.choice(_NOUNS)}.py::test_{self.rng.choice(_VERBS)}_{i} PASSED [{i * 4}%] {self.rng.random():.3f}s"
                 for i in range(25)]  # fmt: skip
        arguments: dict[str, object] = (
            {"command": "pytest -q"} if self.repeats else {"command": f"pytest tests/{self.calls}"}
        )
        self._use("run", arguments, "\n".join([*lines, f"25 passed in {self.rng.random() * 9:.2f}s"]))

    def _list(self, _: str) -> None:
        page = self.rng.randint(1, 3) if self.repeats else self.calls
        rows = [
            f"{self.rng.randint(100, 90_000):>8} 2026-0{self.rng.randint(1, 9)}-1{i % 10} {self.rng.choice(_NOUNS)}_{i}.csv"
            for i in range(30)
        ]
        self._use("list_files", {"folder": "data", "page": page}, "\n".join(rows))

    def _search(self, _: str) -> None:
        word = self.rng.choice(_NOUNS)
        hits = [
            f"{self.rng.choice(_FILES)}:{self.rng.randint(1, 400)}: {self.rng.choice(_VERBS)}_{word}({i})"
            for i in range(12)
        ]
        self._use("search", {"word": word if self.repeats else f"{word}{self.calls}"}, "\n".join(hits))

    def _lines(self, path: str) -> list[str]:
        make: Callable[[int], str] = self._setting if path.endswith(("toml", "yaml")) else self._code
        return [
            make(number)
            for number in range(
                self.rng.randint(18, 28) if make == self._setting else self.rng.randint(40, 70)
            )
        ]

    def _setting(self, number: int) -> str:
        value = self.rng.choice((self.rng.randint(1, 900), "true", "false", "auto"))
        return f"{self.rng.choice(_VERBS)}_{self.rng.choice(_NOUNS)}_{number} = {value}"

    def _code(self, number: int) -> str:
        verb, noun = self.rng.choice(_VERBS), self.rng.choice(_NOUNS)
        return self.rng.choice((
            f"def {verb}_{noun}_{number}({noun}, limit={self.rng.randint(1, 90)}):", f"    {noun} = {verb}({noun}, strict=True)",
            f"    if not {noun}.ready:", f"        raise ValueError('no {noun}')", f"    return {verb}_{noun}({noun})", "",
            f"    # {verb} the {noun} first, for the others need it", f"    log.info('{verb} %s', {noun}.name)",
        ))  # fmt: skip

    def _document(self, told: str) -> str:
        if self.repeats and not told and self.documents and self.rng.random() < 0.5:
            return self.rng.choice(self.documents)  # pasted again
        paragraphs = [" ".join(self._sentences(_PROSE, 3, 5)) for _ in range(5)]
        if told:
            place = self.rng.randrange(5)
            paragraphs[place] = f"{paragraphs[place]} {told}"
        self.documents.append("\n\n".join(paragraphs))
        return self.documents[-1]
