"""How a check is told: findings, a line for each policy, what was changed; the same as JSON."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from farthing.cli.work import show
from farthing.policies.drill import Row, shown
from farthing.policies.finding import Finding
from farthing.policies.setup import Setup

_STYLES = {
    "fires": "green",
    "does not fire": "red",
    "cannot fire": "red",
    "not configured": "dim",
    "finding": "red",
    "note": "yellow",
}
SIMULATED_SENTENCE = (
    "Simulated: simulators on this machine answered, and a recording channel heard the alerts. No request "
    "left the machine, no money was spent, no key was used. Whether your channels can be reached was not "
    "tried: `farthing alerts test` does that."
)
_CLOCK = "waits are counted on it, and not slept"
_ONLY_IF_SET = ("alerts.apprise", "monitoring.telemetry.enabled", "monitoring.telemetry.prometheusPort")


@dataclass(frozen=True, slots=True)
class Placed:
    """A setting that every drill has otherwise than the user."""

    setting: str
    value: object
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """All that a check found. `drilled`: the policies were provoked."""

    setup: Setup
    findings: tuple[Finding, ...]
    rows: tuple[Row, ...]
    placed: tuple[Placed, ...]
    drilled: bool

    @property
    def faults(self) -> int:
        """How many rules cannot act, on paper or when they were provoked."""
        return sum(one.level == "finding" for one in self.findings) + sum(row.is_finding for row in self.rows)


def show_checked(out: Console, checked: Checked) -> None:
    """Everything, in tables."""
    name, book = checked.setup.said.name, checked.setup.catalog.prices.id
    out.print(f"{name} by {book}", style="bold", soft_wrap=True)
    if checked.findings:
        rows = [[_mark(one.level), one.setting, one.why, one.remedy] for one in checked.findings]
        out.print(show.table(["", "setting", "why", "what to do"], rows, title="On paper"))
    else:
        out.print("On paper: nothing is found.")
    if checked.drilled:
        _show_rows(out, checked)
        _show_changes(out, checked)
    out.print(_summary(checked), soft_wrap=True)
    if checked.drilled:
        out.print(SIMULATED_SENTENCE, style="yellow", soft_wrap=True)
    else:
        out.print("Nothing was sent. See every policy act, simulated: farthing check --policies", style="dim")


def _mark(word: str) -> Text:
    return Text(word, style=_STYLES[word])


def _show_rows(out: Console, checked: Checked) -> None:
    rows = [
        [row.policy, _stated(row), row.provoked, row.saw, _verdict(row)]
        for row in checked.rows
        if row.verdict != "not configured"
    ]
    columns = ["policy", "setting", "provoked by", "what was seen", "verdict"]
    out.print(show.table(columns, rows, title="Provoked"))
    others = [[row.policy, _stated(row), row.why] for row in checked.rows if row.verdict == "not configured"]
    if others:
        out.print(show.table(["policy", "setting", "why"], others, title="Not configured"))


def _stated(row: Row) -> str:
    return f"{row.setting} {row.value}".strip()


def _verdict(row: Row) -> Text:
    text = _mark(row.verdict)
    if row.why:
        text.append(f": {show.plain(row.why)}")
        text.append(f" → {show.plain(row.remedy)}" if row.remedy else "")
    if row.verdict != "fires" and row.level == "note":
        text.append(" (a note)", style="yellow")
    return text


def _show_changes(out: Console, checked: Checked) -> None:
    rows = [[one.setting, _short(one.value), one.why, "all"] for one in changed_everywhere(checked)]
    rows += [[*told, _for_whom(policies)] for told, policies in _changed_for(checked).items()]
    out.print(
        show.table(["setting", "in the drills", "why", "for"], rows, title="What was changed to show it")
    )


def _changed_for(checked: Checked) -> dict[tuple[str, str, str], list[str]]:
    """Each change of drills in words, and the policies that it was made for."""
    changed: dict[tuple[str, str, str], list[str]] = {}
    for row in checked.rows:
        for change in row.changes:
            told = (change.setting, change.told or _short(change.value), change.why)
            changed.setdefault(told, []).append(row.policy)
    return changed


def _for_whom(policies: list[str]) -> str:
    return policies[0] if len(policies) == 1 else f"{len(policies)} policies"


def _short(value: object) -> str:
    return "none" if value in (None, [], (), {}) else shown(value)


def changed_everywhere(checked: Checked) -> Iterator[Placed]:
    """What every drill has otherwise, where that differs from the user's."""
    config = checked.setup.said
    telemetry = config.monitoring.telemetry
    differs = {
        "alerts.apprise": bool(config.alerts.apprise),
        "monitoring.telemetry.enabled": telemetry.enabled,
        "monitoring.telemetry.prometheusPort": telemetry.prometheus_port is not None,
    }
    yield Placed("the clock", f"virtual, from {checked.setup.now:%Y-%m-%d %H:%M} UTC", _CLOCK)
    yield Placed("the ledger's past", "pretended where a limit or threshold must be near", "nothing is spent")
    yield Placed("API keys", "made up", "no key is used")
    for one in checked.placed:
        if one.setting not in _ONLY_IF_SET or differs[one.setting]:
            yield one


def _summary(checked: Checked) -> str:
    counts = Counter(row.verdict for row in checked.rows)
    notes = sum(one.level == "note" for one in checked.findings)
    parts = [show.counted(checked.faults, "finding"), show.counted(notes, "note")]
    parts += [f"{counts[verdict]} {words}" for verdict, words in _WORDS if counts[verdict]]
    return ", ".join(parts)


_WORDS = (
    ("fires", "policies fire"),
    ("does not fire", "do not"),
    ("cannot fire", "cannot"),
    ("not configured", "are not configured"),
)


def as_document(checked: Checked) -> dict[str, object]:
    """The same for machines."""
    document: dict[str, object] = {
        "config": checked.setup.said.name,
        "price_book": checked.setup.catalog.prices.id,
        "ok": not checked.faults,
        "faults": checked.faults,
        "findings": checked.findings,
        "drilled": checked.drilled,
        "simulated": True,
    }
    if checked.drilled:
        document |= {
            "policies": checked.rows,
            "verdicts": Counter(row.verdict for row in checked.rows),
            "changed": list(changed_everywhere(checked)),
        }
    return document
