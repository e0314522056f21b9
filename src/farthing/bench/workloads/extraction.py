"""Documents to JSON by schema: invoices, reports of damage, applications; every document once. Pure."""

from collections.abc import Mapping, Sequence
from random import Random

from farthing.bench.workloads.extraction_texts import APPLICATION, DAMAGE, EXAMPLES, INVOICE, SCHEMAS
from farthing.bench.workloads.work import Expectation, Work
from farthing.task import Message, Task

_SYSTEM = """\
You read documents and return what the schema asks for, as JSON and nothing else. Copy names and numbers as
they are written. Dates are YYYY-MM-DD. Amounts are numbers with a point. If the document does not say
something, use an empty text or 0. Do not explain, do not translate, do not add fields."""
_NAMES = ("Aune Kvist", "Bram Oort", "Celia Roth", "Dag Ness", "Elin Moor", "Finn Achterberg", "Greta Voss")
_PLACES = ("Bergen", "Aarhus", "Leiden", "Nantes", "Turku", "Gdynia", "Cork")
_GOODS = ("rope, 12 mm", "oak planks", "sail cloth", "copper nails", "lamp oil", "tar, barrel", "winch")


def make(rng: Random, size: int) -> Sequence[Work]:
    """So many documents, of the three kinds in turn."""
    kinds = (("invoice", _invoice), ("damage", _damage), ("application", _application))
    works: list[Work] = []
    for number in range(size):
        kind, written = kinds[number % len(kinds)]
        document, sent = written(rng, number)
        works.append(_work(number, kind, document, sent))
    return works


def _work(number: int, kind: str, document: str, sent: tuple[str, ...]) -> Work:
    schema: Mapping[str, object] = SCHEMAS[kind]
    system = Message(role="system", content=f"{_SYSTEM}\n\n{EXAMPLES[kind]}")
    asked = Message(role="user", content=f"Extract the {kind} from this document:\n\n{document}")
    task = Task(
        messages=(system, asked),
        type="structured",
        response_format={
            "type": "json_schema",
            "json_schema": {"name": kind, "strict": True, "schema": schema},
        },
    )
    unit = f"document-{number}"
    return Work(unit=unit, answer=unit, task=task, expects=Expectation(sent=sent, schema=schema))


def _day(rng: Random) -> str:
    return f"2026-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def _line(rng: Random) -> str:
    return f"{rng.choice(_GOODS):<16} {rng.randint(1, 40):>4} x {rng.randint(3, 90)}.{rng.randint(10, 99)}"


def _invoice(rng: Random, number: int) -> tuple[str, tuple[str, ...]]:
    lines = [f"{at + 1}.  {_line(rng)}" for at in range(rng.randint(4, 14))]
    identity, total = f"R-{2600 + number}", f"{rng.randint(200, 9000)}.{rng.randint(10, 99)}"
    text = INVOICE.format(
        id=identity,
        who=rng.choice(_NAMES),
        place=rng.choice(_PLACES),
        day=_day(rng),
        lines="\n".join(lines),
        total=total,
    )
    return text, (identity, total)


def _damage(rng: Random, number: int) -> tuple[str, tuple[str, ...]]:
    berth, cost = f"berth {10 + number}", str(rng.randint(90, 9000))
    text = DAMAGE.format(
        berth=berth,
        who=rng.choice(_NAMES),
        place=rng.choice(_PLACES),
        day=_day(rng),
        cost=cost,
        hour=rng.randint(1, 23),
    )
    return text, (berth, cost)


def _application(rng: Random, number: int) -> tuple[str, tuple[str, ...]]:
    years, reference = rng.randint(2, 30), f"AP/{7000 + number}"
    text = APPLICATION.format(
        reference=reference, who=rng.choice(_NAMES), place=rng.choice(_PLACES), years=years, day=_day(rng)
    )
    return text, (reference, f"{years} years")
