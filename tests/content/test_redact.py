"""What is cut out of a text, and what stays."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.content.redact import KINDS, check_redaction, redactor

ALL = redactor(KINDS)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("write to a.b+c@mail.example.co.uk today", "write to [email] today"),
        ("<ann@example.org>", "<[email]>"),
        ("call +49 171 2345678 now", "call [phone] now"),
        ("(555) 123-4567", "[phone]"),
        ("555-123-4567, 0171 234567", "[phone], [phone]"),
        ("+14155550100", "[phone]"),
        ("card 4111 1111 1111 1111.", "card [card]."),
        ("4111-1111-1111-1111", "[card]"),
        ("sk-or-v1-0123456789abcdef0123", "[key]"),
        ("ghp_0123456789abcdefghij and AKIAABCDEFGHIJKLMNOP", "[key] and [key]"),
        ("Authorization: Bearer abc.def-ghi_jkl", "Authorization: Bearer [key]"),
        ("postgresql://bob:secret@host/db", "postgresql://[key]@host/db"),
        ('{"api_key": "0123abcd", "password": \'hunter22\'}', '{"api_key": "[key]", "password": \'[key]\'}'),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "[key]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nafter", "[key]\nafter"),
    ],
)
def test_what_is_cut_out(text: str, left: str) -> None:
    assert ALL(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "on 2026-11-23 at 12:30, version 3.14.15",
        "10.0.0.12 and 192.168.1.1 answer",
        "1,234,567 tokens for $0.000123",
        "from 1914 to 1918, 1914-1918",
        "order 4111 1111 1111 1112",  # a card's last digit checks the others
        "x = a[12] - 34567890",
        "a password must have eight characters",
        "the sk-learn library, a @decorator",
        "def f(n): return f(n - 1) + f(n - 2)",
    ],
)
def test_what_stays(text: str) -> None:
    assert redactor(("email", "key", "card"))(text) == text
    if "4111" not in text:  # in doubt a row of digits is a phone number
        assert ALL(text) == text


def test_only_what_is_asked_for_is_cut_out() -> None:
    text = "ann@example.org, +14155550100, ACME-17"
    assert redactor(("phone",))(text) == "ann@example.org, [phone], ACME-17"
    assert redactor(("/ACME-[0-9]+/",))(text) == "ann@example.org, +14155550100, [redacted]"
    assert redactor(())(text) == text


@given(
    before=st.text(max_size=30),
    secret=st.text("ABCXYZ0189", min_size=4, max_size=30),
    after=st.text(max_size=30),
)
def test_a_known_secret_never_stays(before: str, secret: str, after: str) -> None:
    clean = redactor(KINDS, secrets=[secret[:4], secret])(f"{before}{secret}{after}")
    assert secret not in clean
    assert "[key]" in clean


def test_a_secret_is_found_as_a_url_writes_it() -> None:
    assert (
        redactor((), secrets=["p@ss/word"])("postgresql://bob:p%40ss%2Fword@h") == "postgresql://bob:[key]@h"
    )


def test_the_longest_secret_goes_first() -> None:
    assert redactor((), secrets=["abcd", "abcdefgh"])("abcdefgh abcd") == "[key] [key]"


@pytest.mark.parametrize(
    "piece", ["x", "1 ", "12-", "a@", "a.", "-eyJ", "sk-", "://a:", "password ", "----- "]
)
def test_a_long_text_takes_time_in_its_length_and_no_more(piece: str) -> None:
    """A pattern that looked at every pair of places would still be at it when this test's time is over."""
    text = piece * (200_000 // len(piece))
    assert len(ALL(text)) <= len(text) + 5


@pytest.mark.parametrize("entry", [*KINDS, "/ACME-[0-9]+/"])
def test_known_names_and_patterns_pass(entry: str) -> None:
    check_redaction(entry)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("emial", "did you mean 'email'"),
        ("/(/", "is no regular expression"),
        ("/a*/", "matches where there is nothing"),
        ("ACME-[0-9]+", "nor a pattern in slashes"),
        ("//", "nor a pattern in slashes"),
    ],
)
def test_anything_else_is_refused_with_the_reason(entry: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        check_redaction(entry)
