"""Which parts of a text no rule may touch, and which texts are about words themselves. Pure.

Errs towards too much: what looks like code, data, a quotation, a name or a number stays as it is. What may
go from the rest is `phrases.py`'s and `optimize.py`'s.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

Span = tuple[int, int]
"""From and until, in characters."""


class Line(NamedTuple):
    """One line of a text. `prose`: words that rules may look at; a list item's count, code does not."""

    start: int
    end: int
    prose: bool


def listed(words: str) -> tuple[str, ...]:
    """The words of a list with commas."""
    return tuple(words.split(", "))


_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATTACHED = re.compile(r"--- \S.* ---$")
_OPENING = re.compile(r"<([A-Za-z][\w.-]*)(?:\s[^<>]*)?>")
_ITEM = re.compile(r"(?:[-*+]|\d{1,3}[.)])[ ]+(?=\S)")
_ODD_START = re.compile(r"[\s>|<{}\[\]()$@#%!&\\/~=;:,.?`'\"*_+0-9-]")
_KEYED = re.compile(r"[A-Za-z_][\w.\-]*[ ]?[:=](?:\s|$)")
_CODE = re.compile(
    r"[;{}\\]$|^(?:def|class|import|from|return|elif|else|try|except|function|const|let|var|public|private|"
    r"package|func|fn|use|SELECT|INSERT|UPDATE|DELETE|CREATE)\b(?!.*[a-z]{2}[.!?]$)|^[\w.]+\([^()]*\)$|"
    r"^[\w.\[\]]+ ?(?:[+\-*/|&]?=|:=|->|=>|<-) |=>|\)\s*:$"
)
_COLUMNS = re.compile(r"[^\s.!?:]\s{2,}\S|\S\t|\S {3,}\S")
_EXAMPLE = re.compile(
    r"(?:(?:for )?examples?\b|e\.g\.|inputs?\b|outputs?\b|q\b|a\b|questions?\b|answers?\b|"
    r"user\b|assistant\b|human\b|ai\b|"
    r"sample\b|expected\b|before\b|after\b|original\b|text\b)[^:.!?\n]{0,40}:",
    re.IGNORECASE,
)

_EXAMPLES = re.compile(r"\bexamples?\b|\bsamples?\b|\bshots?\b", re.IGNORECASE)

# Counts are bounded and words begin at their beginning: no text takes time by the square of its length.
_INLINE = re.compile(
    r"`{1,3}[^`\n]+`{1,3}"
    r'|"[^"\n]*"|“[^”]{0,2000}”|„[^“”]{0,2000}[“”]|«[^»]{0,2000}»|‘[^’\n]{0,300}’(?!\w)'
    r"|(?<!\w)\'[^\'\n]*\'(?!\w)"
    r"|\{\{[^{}]*\}\}|\{[^{}\n]*\}|\$\{?\w+\}?|%\(?\w+\)?[sd]?"
    r"|<[^<>\n]+>"
    r"|(?<!\w)[A-Za-z][\w+.-]{0,30}://\S+|(?<!\S)(?:~|\.{1,2})?/\S+|(?<!\w)[A-Za-z]:\\\S+"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]+\.\w[\w.-]*"
    r"|/(?:\\.|[^/\\\n ])+/[a-z]*"
    r"|(?<!\w)(?:\w{0,80}_\w+|\w{1,80}[.\\/]\w[\w.\\/]*|[a-z]{1,80}[A-Z]\w*|\w{0,80}\d[\w.,:%-]*)"
)

_WORDS = listed(
    "polite, courte, rude!, tone!, wording, phrase, phrasing, rewrit, rewrote, reword, translat, "
    "proofread, proof-read, spelling, spell-check, spellcheck, grammar, punctuat, copyedit, "
    "copy-edit, edit!, editing, verbatim, word for word, word-for-word, transcri, quote, quoting, "
    "quotation, exact word, exact text, exact same, exact phras, exactly as, exactly the, word count, "
    "count!, how many, how often, this sentence, following sentence, this paragraph, following "
    "paragraph, whitespace, white space, indentation, redundan, verbos, filler, concise version, "
    "shorten, repeat after, repeat the, the word, stylis, formality, plagiari, pretty-print, pretty "
    "print, prettyprint, reformat, diff!, diffs!, thank-you, thank you note, apolog"
)
"""How such words begin; with a mark behind it, the whole word."""
_MATERIAL = listed(
    "summar, classif, categor, sentiment, label, extract, annotat, moderat, detect, redact, anonymi, "
    "parse, urgen, intent!, triage"
)
_COMPOSED = re.compile(
    r"\b(?:writ|draft|compos|repl(?:y|ies)\b|respon|send|generat|creat)\w*\b[^.!?\n]{0,60}"
    r"\b(?:e-?mails?|letters?|messages?|tweets?|posts?|captions?|slogans?|speech|speeches|"
    r"dialogues?|greetings?|"
    r"invitations?|newsletters?|poems?|lyrics|songs?|stor(?:y|ies)|haiku|customers?)\b"
)
_COMPOSING = ("writ", "draft", "compos", "reply", "replies", "respon", "send", "generat", "creat")


def _any_of(words: Sequence[str]) -> Callable[[str], bool]:
    """A test for any of these words; what has none of their letters is told quickly."""
    plain = tuple(word.rstrip("!") for word in words)
    ends = (
        (r"\b" if word[0].isalpha() else "") + re.escape(bare) + (r"\b" if word != bare else "")
        for word, bare in zip(words, plain, strict=True)
    )
    pattern = re.compile("|".join(ends))
    return lambda lower: any(word in lower for word in plain) and pattern.search(lower) is not None


_has_words, _has_material = _any_of((*_WORDS, '"please', "“please", "'please", "‘please")), _any_of(_MATERIAL)


def about_words(lower: str) -> bool:
    """Whether a text, in small letters, asks for something to be done with words as they stand: translated,
    edited, counted, or for a letter to be written, whose own words may stand in it."""
    if _has_words(lower):
        return True
    return any(word in lower for word in _COMPOSING) and _COMPOSED.search(lower) is not None


def about_material(lower: str) -> bool:
    """Whether a text, in small letters, asks for something to be found out about other texts: material."""
    return _has_material(lower)


def lines_of(text: str) -> list[Line]:
    """The lines of a text, code and data told from prose. Their ends leave the line feed out."""
    found: list[Line] = []
    start = 0
    state = _State()
    for raw in text.split("\n"):
        end = start + len(raw)
        found.append(Line(start, end, state.takes(raw)))
        start = end + 1
    return _without_runs(text, found)


class _State:
    """Where the reader is: in a fence, in a tag, in an example, in an attached file, or in none."""

    __slots__ = ("_attached", "_example", "_fence", "_section", "_tag")

    def __init__(self) -> None:
        self._fence = self._tag = self._example = ""
        self._attached = self._section = False

    def takes(self, line: str) -> bool:
        """Whether this line is prose, the lines before it known."""
        if self._attached or self._inside(line):
            return False
        if not line.strip():
            if self._example != "announced":
                self._example = ""
            return True
        if line.startswith("#"):
            self._section = _EXAMPLES.search(line) is not None
            return False
        fence = _FENCE.match(line)
        if fence is not None:
            self._fence = fence[1]
            return False
        if _ATTACHED.match(line):
            self._attached = True
            return False
        return not (self._opens(line) or self._is_example(line) or _is_data(line))

    def _inside(self, line: str) -> bool:
        if self._fence:
            if line.strip().startswith(self._fence) and not line.strip().strip(self._fence[0]):
                self._fence = ""
            return True
        if self._tag:
            if f"</{self._tag}>" in line:
                self._tag = ""
            return True
        return False

    def _opens(self, line: str) -> bool:
        tag = _OPENING.search(line)
        if tag is None:
            return False
        if f"</{tag[1]}>" not in line and not tag[0].endswith("/>"):
            self._tag = tag[1]
        return True

    def _is_example(self, line: str) -> bool:
        """An example goes on to the next empty line; one that is announced, to the end of what follows."""
        begun = _EXAMPLE.match(_ITEM.sub("", line.lstrip(), count=1).lstrip("* "))
        if begun is not None:
            self._example = "announced" if line.rstrip(" *").endswith(":") else "given"
        elif self._example:
            self._example = "given"
        return self._section or bool(self._example)


def _is_data(line: str) -> bool:
    """By the line alone: indented, marked up, or with the look of a statement."""
    item = _ITEM.match(line)
    words = line[item.end() :] if item else line
    return _ODD_START.match(words) is not None or _CODE.search(words.rstrip()) is not None


def _without_runs(text: str, lines: list[Line]) -> list[Line]:
    """Lines that are data because of their neighbours: keys with values, columns, separated values."""
    shapes = [_shape(text[line.start : line.end]) if line.prose else "" for line in lines]
    return [
        line._replace(prose=False)
        if shape and (shape in shapes[max(0, at - 1) : at] or shape in shapes[at + 1 : at + 2])
        else line
        for at, (line, shape) in enumerate(zip(lines, shapes, strict=True))
    ]


def _shape(line: str) -> str:
    if _KEYED.match(line):
        return "keyed"
    if _COLUMNS.search(line):
        return "columns"
    commas = line.count(",") + line.count(";")
    if commas and not line.rstrip().endswith((".", "!", "?", ":", ",")):
        return f"separated {line.count(',')} {line.count(';')}"
    return ""


class Guard:
    """The spans of a text that must stay, for one look at it."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._starts = [start for start, _ in spans]
        self._spans = spans

    def touches(self, start: int, end: int) -> bool:
        """Whether a replacement of these characters would change something that must stay."""
        at = bisect_right(self._starts, start)
        return (at > 0 and self._spans[at - 1][1] > start) or (
            at < len(self._spans) and self._starts[at] < end
        )


def protected_spans(text: str, lines: Iterable[Line] | None = None) -> list[Span]:
    """What must stay byte for byte, merged and in order: whole lines of code and data, and within prose
    quotations, inline code, addresses, paths, names, numbers, placeholders."""
    spans: list[Span] = [(line.start, line.end) for line in lines or lines_of(text) if not line.prose]
    spans += [found.span() for found in _INLINE.finditer(text)]
    return _merged(spans)


def protected_pieces(text: str) -> list[str]:
    """The texts of the protected spans, as they must be found again."""
    return [text[start:end] for start, end in protected_spans(text) if end > start]


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
