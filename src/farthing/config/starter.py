"""The texts of a first folder: the configuration as JSON, a `.env` template, the line in `.gitignore`. Pure.

Decides what is written, never where or whether. A template never holds a key: its line waits for one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from typing import cast

import msgspec

DOTENV = ".env"
DEPLOYMENT_CONFIG = "DEPLOYMENT_CONFIG"
OVERRULING = (DEPLOYMENT_CONFIG, "MONTHLY_BUDGET", "FARTHING_ENV")
"""Variables that win over what a first configuration says."""

_ASSIGNMENT = re.compile(r"^[ \t]*#?[ \t]*(?:export[ \t]+)?([A-Z_][A-Z0-9_]*)[ \t]*=", re.MULTILINE)
_HEAD = """\
# What farthing reads in this folder besides the environment, which wins over it.
# .gitignore keeps this file out of version control: leave it so once it holds a key.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable of the template: what it is for, and a value that shows how it looks."""

    name: str
    meaning: str
    example: str = ""


VARIABLES = (
    Variable(name="OPENROUTER_API_KEY", meaning="Your key: https://openrouter.ai/keys. Real calls need it."),
    Variable(
        name=DEPLOYMENT_CONFIG,
        meaning="The profile or file of every command that names none.",
        example="balanced",
    ),
    Variable(
        name="MONTHLY_BUDGET",
        meaning="The hard limit of a month in dollars; wins over budget.monthlyLimit of the file.",
        example="200",
    ),
    Variable(
        name="ENABLE_COST_TRACKING",
        meaning="false silences alerts; the ledger and the limits stay.",
        example="true",
    ),
    Variable(
        name="FARTHING_ENV",
        meaning="development: free models only, with a limit of $0.",
        example="production",
    ),
    Variable(
        name="FARTHING_DATABASE_URL",
        meaning="Another ledger than the one in your state directory.",
        example="sqlite:////var/lib/farthing/ledger.db",
    ),
    Variable(
        name="OPENROUTER_BASE_URL",
        meaning="Another address than OpenRouter's, such as a simulator's.",
        example="http://127.0.0.1:8085/api/v1",
    ),
)


def config_text(values: Mapping[str, object]) -> str:
    """A configuration as JSON. Money has all its digits and is never a float."""
    return msgspec.json.format(_NUMBERS.encode(_plain(values)), indent=2).decode() + "\n"


_NUMBERS = msgspec.json.Encoder(decimal_format="number")


def _plain(value: object) -> object:
    """Decimals without an exponent; everything else as it is."""
    if isinstance(value, Decimal):
        return Decimal(format(value.normalize(), "f"))
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in cast("Mapping[object, object]", value).items()}
    return value


def dotenv_text(config: str) -> str:
    """The `.env` template: every variable with its meaning, all commented out but the one for `config`."""
    blocks = [_HEAD]
    for variable in VARIABLES:
        line = f"# {variable.name}={variable.example}"
        if variable.name == DEPLOYMENT_CONFIG:
            line = f"{variable.name}={config}"
        blocks.append(f"# {variable.meaning}\n{line}\n")
    return "\n".join(blocks)


def missing_names(text: str) -> tuple[str, ...]:
    """The template's variables that a `.env` does not mention, not even in a comment."""
    mentioned = {found[1] for found in _ASSIGNMENT.finditer(text)}
    return tuple(variable.name for variable in VARIABLES if variable.name not in mentioned)


def with_dotenv_ignored(text: str | None) -> str | None:
    """The text of `.gitignore` with `.env` in it, its line ends kept; None where nothing is to be added.

    `text` None: there is no such file. The last pattern that fits `.env` decides, as in git.
    """
    if text is None:
        return f"{DOTENV}\n"
    lines = text.splitlines()
    ignored = False
    for pattern in (line.rstrip() for line in lines if line.strip() and not line.startswith("#")):
        plain = pattern.removeprefix("!").removeprefix("**/").removeprefix("/")
        if fnmatchcase(DOTENV, plain):
            ignored = not pattern.startswith("!")
    if ignored:
        return None
    end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text or text.endswith(("\n", "\r")) else end
    return f"{text}{gap}{DOTENV}{end}"


def overruling(said: Mapping[str, str], place: str, *, config: str, limit: Decimal | None) -> tuple[str, ...]:
    """Which variables of `place` win over the configuration of that name and its limit, a sentence each."""
    told: list[str] = []
    named = said.get(DEPLOYMENT_CONFIG)
    if named is not None and named.removeprefix("./") != config:
        told.append(
            f"{DEPLOYMENT_CONFIG} in {place} names {named}, so commands without --config take that; "
            f"make it {config}"
        )
    budget = said.get("MONTHLY_BUDGET")
    if budget is not None and not _is_amount(budget, limit):
        told.append(f"MONTHLY_BUDGET in {place} is {budget} and wins over the limit in {config}")
    if said.get("FARTHING_ENV") == "development":
        told.append(f"FARTHING_ENV in {place} is development: free models only, with a limit of $0")
    return tuple(told)


def _is_amount(text: str, amount: Decimal | None) -> bool:
    try:
        return Decimal(text) == amount
    except InvalidOperation:
        return False
