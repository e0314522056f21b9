"""Does `farthing rewrites list|show|approve|reject`: reads and changes the file, sends nothing."""

import difflib
import getpass
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

from msgspec import structs
from rich.text import Text

from farthing.cli.work import show
from farthing.config.load import load_config
from farthing.errors import InvalidTaskError, nearest
from farthing.money import percent_saved
from farthing.prompt.rewritefile import read_rewrites, write_rewrites
from farthing.prompt.rewrites import Review, Rewrite, Rewrites, Trial, problems_of

_DEFAULT_FILE = Path("rewrites.json")
_STYLES = {"-": "red", "+": "green", "@": "cyan"}
_COLUMNS = ["id", "role", "state", "tokens", "saved", "trial", "proposed by"]


def file_of(source: str | Path | None, file: Path | None) -> Path:
    """The file that is meant: the given one, the configuration's, or `rewrites.json`."""
    if file is not None:
        return file
    told = load_config(source).optimization.prompt_optimization.rewrites
    return _DEFAULT_FILE if told is None else Path(told)


def tell_rewrites(source: str | Path | None, file: Path | None, *, as_json: bool) -> None:
    path = file_of(source, file)
    found = read_rewrites(path).rewrites
    if as_json:
        show.write_json([rewrite_json(one, path) for one in found])
        return
    rows = [
        [
            *(one.id, one.role, state_of(one, path), f"{one.tokens_before} → {one.tokens_after}"),
            *(show.percent(percent_saved(_tokens(one.tokens_after), _tokens(one.tokens_before))),),
            *(trial_in_words(one.trial), one.proposed_by),
        ]
        for one in found
    ]
    out = show.console()
    out.print(show.table(_COLUMNS, rows, right=["tokens", "saved"]))
    out.print(f"{path}: {show.counted(len(rows), 'rewrite')}", style="dim", soft_wrap=True)


def tell_rewrite(name: str, source: str | Path | None, file: Path | None, *, as_json: bool) -> None:
    path = file_of(source, file)
    one = named(read_rewrites(path), name, path)
    if as_json:
        show.write_json(rewrite_json(one, path))
        return
    out = show.console()
    out.print(show.facts(_facts(one, path)))
    lines = difflib.unified_diff(one.template, one.rewrite, "template", "rewrite", n=3, lineterm="")
    for line in lines:
        out.print(Text(show.plain(line), style=_STYLES.get(line[:1], "")), soft_wrap=True)


def review_rewrite(
    name: str,
    source: str | Path | None,
    file: Path | None,
    *,
    status: Literal["approved", "rejected"],
    by: str | None,
    note: str,
    anyway: bool = False,
) -> None:
    """Writes down a person's decision. Raises `InvalidTaskError` for a rewrite that must not be approved."""
    path = file_of(source, file)
    content = read_rewrites(path)
    one = named(content, name, path)
    if status == "approved":
        _check(one, anyway=anyway)
    person = by or getpass.getuser()
    review = Review(by=person, at=datetime.now(UTC).replace(microsecond=0), digest=one.digest, note=note)
    decided = structs.replace(one, status=status, review=review)
    changed = replaced(content, decided)
    if status == "approved":
        _check_alone(changed, decided)
    write_rewrites(path, changed)
    show.note(f"{name} is {status} by {person}; {state_of(decided, path)}")
    if one.trial is None and status == "approved":
        show.note("it was never measured: farthing rewrites measure tries both forms on samples")


def _check(one: Rewrite, *, anyway: bool) -> None:
    problems = problems_of(one.before, one.after)
    if problems:
        raise InvalidTaskError(f"{one.id} cannot be used: {'; '.join(problems)}")
    trial = one.trial
    if trial is not None and trial.passed_after < trial.passed_before and not anyway:
        raise InvalidTaskError(
            f"{one.id} passed {trial.passed_after} of {trial.checks} checks, "
            f"its template {trial.passed_before}",
            hint="give --anyway if that is good enough",
        )


def _check_alone(content: Rewrites, decided: Rewrite) -> None:
    same = [
        one.id
        for one in content.rewrites
        if one.status == "approved"
        and one.id != decided.id
        and (one.role, one.before) == (decided.role, decided.before)
    ]
    if same:
        raise InvalidTaskError(
            f"{same[0]} is approved for the same template, and one message can have one rewrite only",
            hint=f"reject it first: farthing rewrites reject {same[0]}",
        )


def named(content: Rewrites, name: str, path: Path) -> Rewrite:
    """Raises `InvalidTaskError` where there is none."""
    for one in content.rewrites:
        if one.id == name:
            return one
    known = [one.id for one in content.rewrites]
    raise InvalidTaskError(
        f"{path} has no rewrite {name!r}",
        hint=f"there are {', '.join(known) or 'none'}; nearest: {nearest(name, known)}",
    )


def replaced(content: Rewrites, new: Rewrite) -> Rewrites:
    """The file with this rewrite in the place of the one with its id, or at the end."""
    if all(one.id != new.id for one in content.rewrites):
        return structs.replace(content, rewrites=(*content.rewrites, new))
    return structs.replace(
        content, rewrites=tuple(new if one.id == new.id else one for one in content.rewrites)
    )


def state_of(one: Rewrite, path: Path) -> str:
    """Whether it is used, in words, and why not."""
    if one.status != "approved":
        return one.status
    if not one.in_force:
        return "not used: changed since it was approved"
    problems = problems_of(one.before, one.after)
    if problems:
        return f"not used: {problems[0]}"
    changed = source_changed(one, path)
    return f"approved; {changed}" if changed else "approved, used where a message matches"


def source_changed(one: Rewrite, path: Path) -> str:
    """What became of the file the template was read from; empty where it is as it was, or none is named."""
    if not one.source:
        return ""
    try:
        text = (path.parent / one.source).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError):
        return f"{one.source} is gone, so nothing may match"
    return "" if text == one.before else f"{one.source} has changed, so its messages match no more"


def rewrite_json(one: Rewrite, path: Path) -> dict[str, object]:
    """A rewrite with whether it is in force."""
    told = {name: show.as_json(getattr(one, name)) for name in one.__struct_fields__}
    return {**told, "in_force": one.in_force, "state": state_of(one, path), "digest": one.digest}


def trial_in_words(trial: Trial | None) -> str:
    if trial is None:
        return "not measured"
    words = [show.counted(trial.inputs, "input")]
    if trial.checks:
        words.append(f"checks {trial.passed_before} → {trial.passed_after} of {trial.checks}")
    words.append(f"output {trial.output_tokens_before:,} → {trial.output_tokens_after:,} tokens")
    words.append(f"{show.usd(trial.cost_before)} → {show.usd(trial.cost_after)}")
    return ", ".join([*words, *([show.SIMULATED] if trial.simulated else [])])


def _facts(one: Rewrite, path: Path) -> Iterable[tuple[str, str]]:
    yield "rewrite", f"{one.id}, of a {one.role} message"
    yield "state", state_of(one, path)
    yield "tokens", f"{one.tokens_before} → {one.tokens_after}, by our estimate"
    at = "" if one.proposed_at is None else f", {one.proposed_at:%Y-%m-%d}"
    simulated = f", {show.SIMULATED}" if one.simulated else ""
    yield "proposed by", f"{one.proposed_by}{at}, {show.usd(one.cost)}{simulated}"
    yield "trial", trial_in_words(one.trial)
    if one.trial is not None:
        yield "models", ", ".join(one.trial.models)
    if one.review is not None:
        note = f": {one.review.note}" if one.review.note else ""
        yield "reviewed by", f"{one.review.by}, {one.review.at:%Y-%m-%d}{note}"
    problems = problems_of(one.before, one.after)
    yield "problems", "; ".join(problems) or "none found"


def _tokens(number: int) -> Decimal:
    return Decimal(number)
