"""Records what commands print into the pages that show it, and tells where a page is out of date.

python scripts/record_outputs.py docs/PAGE.md …            runs a page's commands and rewrites its blocks
python scripts/record_outputs.py --check [docs/PAGE.md …]  exits 1 when a block differs from what is printed

A block is recorded when the line before it is `<!-- output of: farthing … -->`. A page's commands run in
order in one empty folder, with `examples/samples/` as `samples/`, a simulator and a ledger of its own.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from farthing.simulator.process import SimulatorProcess

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"^<!-- output of: (farthing .*?) -->\n```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CHANGING = (  # what is another thing each time, and says nothing about the command
    (re.compile(r"\b\d[\d,]*(\.\d+)?( ?)(ms|s|µs)\b"), r"0\2\3"),
    (re.compile(r"\b(run|call|task|gen|cmp)([-_])[0-9a-f]{6,}(-[0-9a-f]+)?"), r"\1\2x"),
    (re.compile(r"\b20\d\d-\d\d-\d\d\b"), "2000-01-01"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:0"),
    (re.compile(r" +"), " "),
)


def pages() -> list[Path]:
    """All pages that have recorded blocks."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if _BLOCK.search(page.read_text(encoding="utf-8"))]


def recorded_anew(page: Path) -> str:
    """The page's text with every recorded block as its command prints it now."""
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, SimulatorProcess(seed=5, time_scale=0.0) as simulator:
        simulator.call("POST", "/scenario", {"overrun_rate": 0.0, "missing_cost_rate": 0.0})
        home = Path(folder)
        if (ROOT / "examples" / "samples").is_dir():
            shutil.copytree(ROOT / "examples" / "samples", home / "samples")
        return _BLOCK.sub(lambda found: _block(found[1], _output(found[1], home, simulator.base_url)), text)


def differences(page: Path) -> list[str]:
    """The commands whose blocks are out of date. Durations, ids, dates and padding are not compared."""
    now = _BLOCK.findall(recorded_anew(page))
    kept = _BLOCK.findall(page.read_text(encoding="utf-8"))
    return [command for (command, old), (_, new) in zip(kept, now, strict=True) if _still(old) != _still(new)]


def _output(command: str, home: Path, base_url: str) -> str:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
    environment = {
        **kept,
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / ".state"),
        "OPENROUTER_BASE_URL": base_url,
        "PYTHONUTF8": "1",
        "COLUMNS": "100",
    }
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "farthing", *shlex.split(command)[1:]],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1) or "Traceback" in done.stdout:
        raise SystemExit(f"{command} failed with {done.returncode}:\n{done.stdout}")
    if "\n```" in f"\n{done.stdout}":
        raise SystemExit(f"{command} prints a fence at the start of a line, which would end its block")
    return done.stdout.replace(str(home), "~")


def _block(command: str, output: str) -> str:
    lines = "\n".join(line.rstrip() for line in output.strip("\n").split("\n"))
    return f"<!-- output of: {command} -->\n```text\n{lines}\n```"


def _still(text: str) -> str:
    for pattern, constant in _CHANGING:
        text = pattern.sub(constant, text)
    return text.strip()


def main(arguments: list[str]) -> int:
    """Records or checks the pages named, or all; the exit code says whether they are current."""
    named = [Path(name).resolve() for name in arguments if not name.startswith("-")] or pages()
    stale = 0
    for page in named:
        shown = page.relative_to(ROOT)
        if "--check" in arguments:
            for command in differences(page):
                stale += 1
                sys.stdout.write(f"{shown}: out of date: {command}\n")
        else:
            page.write_text(recorded_anew(page), encoding="utf-8")
            sys.stdout.write(f"{shown}: recorded\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
