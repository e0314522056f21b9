"""The guide to telemetry names what there is: settings, metrics, attributes, fields of a log line."""

import json
import re
from pathlib import Path

from tests.docs.blocks import ROOT, blocks_of

from farthing.config.load import load_config
from farthing.telemetry.logs import FIELDS
from farthing.telemetry.prometheus import Counts

GUIDE = (ROOT / "docs/guides/telemetry.md").read_text(encoding="utf-8")
SOURCES = ROOT / "src/farthing/telemetry"


def words_of(file: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, (SOURCES / file).read_text(encoding="utf-8")))


def missing(words: set[str]) -> list[str]:
    return [word for word in sorted(words) if f"`{word}`" not in GUIDE]


def test_the_configurations_are_valid() -> None:
    blocks = blocks_of("docs/guides/telemetry.md", "json")
    configs = [load_config(json.loads(block.text), environ={}) for block in blocks]
    assert [config.monitoring.telemetry.enabled for config in configs] == [True, False]
    assert configs[1].content.keep


def test_every_metric_is_explained() -> None:
    counted = {
        family.name + ("_total" if family.type == "counter" else "") for family in Counts().registry.collect()
    }
    accounts = words_of("prometheus.py", r'"(farthing_\w+_(?:dollars|up|in_use|waiting))"')
    measured = words_of("meters.py", r'"((?:gen_ai\.client|farthing)\.[\w.]+)",')
    assert len(counted) >= 6
    assert len(accounts) >= 8
    assert len(measured) >= 5
    assert missing(counted | accounts | measured) == []


def test_every_attribute_of_ours_is_explained() -> None:
    ours = words_of("attributes.py", r'"(farthing\.[\w.]+)"')
    assert len(ours) >= 20
    assert missing(ours) == []


def test_every_field_of_a_line_is_explained() -> None:
    assert missing(set(FIELDS)) == []


def test_the_page_is_in_the_site() -> None:
    assert "guides/telemetry.md" in Path(ROOT / "mkdocs.yml").read_text(encoding="utf-8")
