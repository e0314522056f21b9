"""Checks are read strictly, decided rightly, and cannot hurt the machine that runs them."""

from pathlib import Path

import pytest

from farthing.errors import InvalidTaskError
from farthing.quality.expectations import Check, Verdict, checks_from, decide
from farthing.quality.jail import run_check

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


async def verdict(check: Check, answer: str) -> Verdict:
    return decide(check, answer) or await run_check(check, answer)


def python(expression: str) -> Check:
    return Check(kind="python", given=expression)


@pytest.mark.parametrize(
    ("raw", "answer", "passed"),
    [
        ({"exact": "4"}, " 4\n", True),
        ({"exact": "4"}, "four", False),
        ({"regex": "^4"}, "4 it is", True),
        ({"regex": "^4$"}, "14", False),
        ({"schema": NUMBER}, '{"n": 4}', True),
        ({"schema": NUMBER}, '```json\n{"n": 4}\n```', True),
        ({"schema": NUMBER}, '{"n": "4"}', False),
        ({"schema": NUMBER}, "no JSON", False),
        ({"python": "len(answer) > 3 and 'x' in answer"}, "a fox", True),
        ({"python": "data['n'] == 4"}, '{"n": 4}', True),
        ({"python": "data['n'] == 4"}, "no JSON", False),
        ({"python": "re.search('f.x', answer)"}, "a fox", True),
    ],
)
async def test_a_check_is_decided(raw: dict[str, object], answer: str, passed: bool) -> None:
    (check,) = checks_from(raw)
    found = await verdict(check, answer)
    assert found.passed is passed
    assert bool(found.reason) is not passed


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({}, "one of exact"),
        ("exact", "one of exact"),
        ({"regexp": "a"}, "nearest is 'regex'"),
        ({"regex": "("}, "no pattern"),
        ({"python": "a ="}, "no expression"),
        ({"python": 4}, "give text"),
        ({"schema": {"type": "nothing"}}, "no JSON Schema"),
    ],
)
def test_a_bad_check_is_refused_before_anything_is_spent(raw: object, words: str) -> None:
    with pytest.raises(InvalidTaskError, match=words):
        checks_from(raw)


@pytest.mark.parametrize(
    "expression",
    [
        "open('/etc/passwd').read()",
        "().__class__.__base__.__subclasses__() and __import__('os').system('true')",
        "json.codecs.open('written', 'w')",
        "json.codecs.builtins.open('written', 'w')",
        "re.sys.modules['os'].environ['PATH']",
        "json.codecs.sys.modules['os'].listdir('/')",
        "json.codecs.sys.modules['posix'].fork()",
        "[0] * 10**10",
    ],
)
async def test_what_an_expression_has_no_business_with_fails(expression: str, tmp_path: Path) -> None:
    found = await run_check(python(expression), "answer")
    assert not found.passed
    assert found.reason
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "check",
    [
        python("max(range(10**12))"),
        Check(kind="regex", given="(a+)+$"),
    ],
)
async def test_what_does_not_end_is_ended(check: Check) -> None:
    found = await run_check(check, "a" * 40 + "b", deadline_s=0.5)
    assert not found.passed
    assert "more than 0.5 s" in found.reason
