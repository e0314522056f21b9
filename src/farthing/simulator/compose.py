"""What a simulated model answers: text by role, tool calls, or JSON by schema, within the token bound.

Pure: the generator is an argument. The role is read from the system message ("You are a researcher"), the
topic from a line `Goal: …` (or `Task:`, `Topic:`) or the first sentence of the last user message, the share
of the work from `Your part: …` (or `Part:`, `Focus:`). Texts start with "[simulated]".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import msgspec

from farthing.simulator.books import SimulatedModel
from farthing.simulator.counting import count_tokens
from farthing.simulator.prose import VOICES, programs
from farthing.simulator.request import ChatBody, OfferedFunction, schema_of
from farthing.simulator.rewriting import shortened_template
from farthing.simulator.schema_values import value_for
from farthing.simulator.shapes import mapping

LABEL = "[simulated]"
_ROLE = re.compile(
    r"\byou are (?:an?|the) (?:\w+ )?(researcher|coder|reviewer|tester|planner|analyst|writer)\b",
    re.IGNORECASE,
)
_SYNTHESIS = re.compile(r"synthesi[sz]", re.IGNORECASE)
_TOPIC = re.compile(
    r"^[ \t#*-]*(?:overall |project )?(?:goal|task|topic)[*]*:[ \t]*(\S.*)$", re.IGNORECASE | re.MULTILINE
)
_PART = re.compile(r"^[ \t#*-]*(?:your part|part|focus)[*]*:[ \t]*(\S.*)$", re.IGNORECASE | re.MULTILINE)
_SENTENCE = re.compile(r"[^.?!\n]+")
_LEADING = frozenset(
    (
        *("please", "design", "and", "build", "create", "write", "implement", "explain", "make", "develop"),
        *("generate", "review", "analyze", "analyse", "plan", "describe", "summarize", "summarise", "test"),
        *("me", "us", "how", "to", "for", "the"),
    )
)
_KINDS: Sequence[tuple[str, re.Pattern[str]]] = (
    ("tester", re.compile(r"\b(unit )?tests?\b", re.IGNORECASE)),
    ("reviewer", re.compile(r"\breview\b", re.IGNORECASE)),
    (
        "coder",
        re.compile(r"\b(code|function|class|implement|script|program|refactor|debug)\b", re.IGNORECASE),
    ),
    ("analyst", re.compile(r"\b(analy[sz]e|analysis|compare|evaluate|trade-?offs?)\b", re.IGNORECASE)),
    ("planner", re.compile(r"\b(plan|roadmap|schedule)\b", re.IGNORECASE)),
)
_CONCISE = re.compile(r"\b(?:be concise|answer concisely|as few words)\b", re.IGNORECASE)
_REPEAT = re.compile(r"\bbegin with (?:its|the) last \w+ words\b", re.IGNORECASE)
_SCHEMA_LINE = re.compile(r"\bJSON Schema\b[^\n]*\n(\{.*\})\s*$", re.MULTILINE)
_TOOLS_LINE = re.compile(r"^TOOLS_JSON: (\[.*\])\s*$", re.MULTILINE)
_BLOCK = "```tool_call\n"
_TOOLS = msgspec.json.Decoder(list[OfferedFunction])


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One tool call; `arguments` is JSON text, cut short where the token bound fell inside it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model says. `tokens` are its visible output tokens."""

    text: str
    calls: tuple[Call, ...]
    finish_reason: str
    tokens: int
    rest: str = ""
    """What the token bound left out of a text."""


def role_of(body: ChatBody) -> str | None:
    """The role that the system message names, or None."""
    system = body.system_text
    if _SYNTHESIS.search(system):
        return "synthesis"
    found = _ROLE.search(system)
    return found.group(1).lower() if found else None


def answer(
    body: ChatBody, model: SimulatedModel, rng: Random, *, bound: int | None, rest: str | None = None
) -> Answer:
    """The model's whole answer, of at most `bound` output tokens. `rest`: what its last answer still lacked,
    when it is asked to go on from there."""
    if rest is not None:
        return _bounded_text(_repeated(body) + rest, model.id, bound)
    topic = topic_of(body)
    calls = _tool_calls(body, model, rng, topic)
    if calls:
        return _bounded_calls(calls, model.id, bound)
    return _bounded_text(_text(body, model, rng, topic), model.id, bound)


def topic_of(body: ChatBody) -> str:
    """What the request is about, in at most ten words."""
    user = body.last_user_text
    found = _TOPIC.search(user) or _TOPIC.search(body.system_text)
    line = found.group(1) if found else user
    sentence = _SENTENCE.search(line)
    words = (sentence.group() if sentence else line).split()
    first = next((i for i, word in enumerate(words) if word.lower().strip(",") not in _LEADING), 0)
    return " ".join(words[first : first + 10]) or "the request"


def _text(body: ChatBody, model: SimulatedModel, rng: Random, topic: str) -> str:
    template = shortened_template(body.system_text, _first_user_text(body))
    if template is not None:
        return msgspec.json.encode({"rewrite": template}).decode()
    schema = schema_of(body.response_format)
    if schema is not None and {"response_format", "structured_outputs"} & model.supported:
        return _json_text(schema, rng, topic)
    told = None if schema is not None else _told_schema(body)
    if told is not None:
        return _json_text(told, rng, topic)
    emulated = _emulated_call(body, model, rng, topic)
    return emulated if emulated is not None else _prose(body, rng, topic)


def _first_user_text(body: ChatBody) -> str:
    return next((message.text for message in body.messages if message.role == "user"), "")


def _repeated(body: ChatBody) -> str:
    """The last words of its own answer, where it is asked to begin with them."""
    asked = _REPEAT.search(body.last_user_text)
    if asked is None:
        return ""
    words = list(re.finditer(r"\S+", body.last_answer))
    return body.last_answer[words[-min(5, len(words))].start() :] if words else ""


def _json_text(schema: object, rng: Random, topic: str) -> str:
    if schema == {}:
        schema = {
            "type": "object",
            "properties": {
                "simulated": {"const": True},
                "topic": {"const": topic},
                "summary": {"type": "string"},
            },
            "required": ["simulated", "topic", "summary"],
        }
    return msgspec.json.encode(value_for(schema, rng, topic=topic)).decode()


def _prose(body: ChatBody, rng: Random, topic: str) -> str:
    about = body.last_user_text
    role = role_of(body) or next((kind for kind, words in _KINDS if words.search(about)), "general")
    voice = VOICES[role]
    found = _PART.search(about)
    part = found.group(1).strip().rstrip(".") if found else "the main path"
    count = rng.randint(min(3, len(voice.points)), len(voice.points))
    points = rng.sample(voice.points, count)
    concise = _CONCISE.search(body.system_text) is not None
    if concise:
        points = points[: max(2, count * 2 // 3)]
    blocks = [f"{LABEL} {rng.choice(voice.openers)}"]
    if voice.code:
        blocks.append(rng.choice(programs(role, f"{topic} {about}")))
    closer = rng.choice(voice.closers)
    blocks += ["\n".join(f"- {point}" for point in points), *([] if concise else [closer])]
    name = "".join(word.capitalize() for word in re.findall(r"[a-z]+", topic.lower())[-2:]) or "Simulated"
    text = "\n\n".join(blocks)
    return text.replace("{topic}", topic).replace("{part}", part).replace("{name}", name)


def _tool_calls(body: ChatBody, model: SimulatedModel, rng: Random, topic: str) -> tuple[Call, ...]:
    """One or two calls on the first turn after a user message; as `tool_choice` says on any turn."""
    if not body.tools or body.tool_choice == "none" or "tools" not in model.supported:
        return ()
    functions = [tool.function for tool in body.tools]
    named = mapping(mapping(body.tool_choice).get("function")).get("name")
    if named is not None:
        chosen = [function for function in functions if function.name == named][:1]
    elif body.tool_choice == "required" or not _answered(body):
        most = 1 if body.parallel_tool_calls is False else min(2, len(functions))
        chosen = _preferred(functions, body.last_user_text, rng)[: rng.randint(1, most)]
    else:
        return ()
    return tuple(_call(function, rng, topic) for function in chosen)


def _answered(body: ChatBody) -> bool:
    """Whether tools have already been called since the last user message."""
    for message in reversed(body.messages):
        if message.role == "user":
            return False
        if message.role == "tool" or message.tool_calls:
            return True
    return False


def _preferred(functions: list[OfferedFunction], about: str, rng: Random) -> list[OfferedFunction]:
    """The tools in a seeded order, those that the request names first."""
    words = about.lower()
    shuffled = rng.sample(functions, len(functions))
    return sorted(
        shuffled, key=lambda f: not any(part in words for part in re.split(r"[_.\-]", f.name.lower()) if part)
    )


def _call(function: OfferedFunction, rng: Random, topic: str) -> Call:
    arguments = value_for(function.parameters or {"type": "object"}, rng, topic=topic)
    return Call(
        id=f"call_{rng.getrandbits(64):016x}",
        name=function.name,
        arguments=msgspec.json.encode(arguments).decode(),
    )


def _emulated_call(body: ChatBody, model: SimulatedModel, rng: Random, topic: str) -> str | None:
    """A call in a fenced block, for a model that was told to call tools so; None after it has."""
    if "tools" in model.supported:
        return None
    found = _TOOLS_LINE.search(body.system_text) or _TOOLS_LINE.search(body.messages[0].text)
    if found is None or any(m.role == "assistant" and _BLOCK in m.text for m in body.messages):
        return None
    try:
        functions = _TOOLS.decode(found.group(1))
    except msgspec.MsgspecError:
        return None
    if not functions:
        return None
    function = _preferred(functions, body.last_user_text, rng)[0]
    arguments: Mapping[str, object] = mapping(
        value_for(function.parameters or {"type": "object"}, rng, topic=topic)
    )
    written = msgspec.json.encode({"name": function.name, "arguments": arguments}).decode()
    return f"{_BLOCK}{written}\n```"


def _told_schema(body: ChatBody) -> object | None:
    """The schema that a model without a response format is told in its system message, if there is one."""
    found = _SCHEMA_LINE.search(body.system_text)
    if found is None:
        return None
    try:
        return mapping(msgspec.json.decode(found.group(1)))
    except msgspec.DecodeError:
        return None


def _bounded_text(text: str, model: str, bound: int | None) -> Answer:
    tokens = count_tokens(text, model)
    if bound is None or tokens <= bound:
        return Answer(text=text, calls=(), finish_reason="stop", tokens=tokens)
    kept = _shortened(text, tokens, bound)
    return Answer(text=kept, calls=(), finish_reason="length", tokens=bound, rest=text[len(kept) :])


def _bounded_calls(calls: tuple[Call, ...], model: str, bound: int | None) -> Answer:
    kept: list[Call] = []
    spent = 0
    for call in calls:
        tokens = 4 + count_tokens(call.name + call.arguments, model)
        if bound is not None and spent + tokens > bound:
            arguments = _shortened(call.arguments, tokens, max(0, bound - spent))
            kept.append(Call(id=call.id, name=call.name, arguments=arguments))
            return Answer(text="", calls=tuple(kept), finish_reason="length", tokens=bound)
        kept.append(call)
        spent += tokens
    return Answer(text="", calls=tuple(kept), finish_reason="tool_calls", tokens=spent)


def _shortened(text: str, tokens: int, bound: int) -> str:
    return text[: len(text) * bound // tokens] or text[:1]
