"""The documentation's site: builds without a broken link, and loads nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LOADED = re.compile(r"""<(?:script|img|link)\b[^>]*(?:src|href)=["'](?:https?:)?//[^"']*""")
_STYLED = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])(?:https?:)?//[^"')]*""")


def test_the_site_is_built_and_stands_alone(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "--quiet",
            "--site-dir",
            str(tmp_path / "site"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.html")}
    written = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    for page in written:
        html = page.with_name("index.html") if page.name == "README.md" else page.with_suffix(".html")
        assert html.as_posix() in pages, page
    for page in pages:
        assert _LOADED.findall((tmp_path / "site" / page).read_text(encoding="utf-8")) == [], page
    for style in (tmp_path / "site").rglob("*.css"):
        assert _STYLED.findall(style.read_text(encoding="utf-8")) == [], style.name
