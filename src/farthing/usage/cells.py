"""What one cell of an export says: tokens, dollars, a day. Each raises `ValueError` with the reason.

How numbers of people and spreadsheets are read: `"1,234"`, `1 234`, `1.234,56`, `$0.02`, `1.2e-05`.
A JSON number arrives as `int` or `Decimal`, never as a float.
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import cast

_MOST_TOKENS = 10**15
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}([,.'’ \u00a0\u202f_]\d{3})+")  # 0,012 is no twelve
_DOTTED = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?")
_GROUP_MARKS = str.maketrans("", "", ",'’ \u00a0\u202f_")
_DOLLAR_WORDS = re.compile(r"(?i)us\$|\$|usd")
_MONTH = re.compile(r"(\d{4})[-/.](\d{1,2})")
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)")
_EITHER_WAY = re.compile(r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}(?!\d)")
_YEARS = range(2015, 2100)


def tokens(value: object, *, comma: bool = False) -> int:
    """A count of tokens or requests; empty is 0. `comma`: a comma is the decimal sign in this file."""
    if value is None or value == "":
        return 0
    if isinstance(value, str) and value.isdecimal() and len(value) < 16:
        return int(value)
    if isinstance(value, str) and _GROUPED.fullmatch(text := value.strip()):
        number = _number(re.sub(r"[^\d+-]", "", text), value)  # a count has no fraction, so any mark groups
    else:
        number = _decimal(value, comma=comma)
    if number != number.to_integral_value():
        raise ValueError(f"{_told(value)} is not a whole number")
    if not 0 <= number <= _MOST_TOKENS:
        raise ValueError(f"{_told(value)} is {'below zero' if number < 0 else 'too large to be a count'}")
    return int(number)


def dollars(value: object, *, comma: bool = False) -> Decimal | None:
    """An amount of US dollars; None where the cell is empty."""
    if value is None or value == "":
        return None
    plain = _DOLLAR_WORDS.sub("", value).strip() if isinstance(value, str) else value
    amount = _decimal(plain, comma=comma)
    if amount < 0:
        raise ValueError(f"the cost {_told(value)} is below zero")
    return amount


def day(value: object) -> tuple[date | None, int]:
    """The first day a cell names and how many it covers: a month is all its days. Empty is (None, 1).

    Read: ISO dates and times, year first with any sign, `30.9.2026`, seconds or milliseconds since 1970. The
    day is taken as written; a time zone does not move it.
    """
    if value is None or value == "":
        return None, 1
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _since_1970(value), 1
    text = str(value).strip()
    if text[4:5] == "-" and text[7:8] == "-" and text[:4].isdecimal():  # as nearly all exports write it
        return _date(text[:4], text[5:7], text[8:10], text), 1
    if text.replace(".", "", 1).isdecimal() and len(text) >= 9:
        return _since_1970(Decimal(text)), 1
    if month := _MONTH.fullmatch(text):
        first = _date(month[1], month[2], "1", text)
        return first, monthrange(first.year, first.month)[1]
    if found := _YEAR_FIRST.match(text):
        return _date(found[1], found[2], found[3], text), 1
    if found := _GERMAN.match(text):
        return _date(found[3], found[2], found[1], text), 1
    if _EITHER_WAY.match(text):
        raise ValueError(f"the date {_told(value)} can be read in two ways; write it as 2026-09-30")
    raise ValueError(f"{_told(value)} is no date")


def flag(value: object) -> bool:
    """Whether a cell says yes."""
    return value is True or (
        isinstance(value, str) and value.strip().lower() in {"true", "1", "yes", "batch"}
    )


def text_of(value: object) -> str:
    """A cell as text without blanks around it; nothing is the empty text."""
    return "" if value is None else str(value).strip()


def _decimal(value: object, *, comma: bool) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError(f"{_told(value)} is no number")  # noqa: TRY004 - one error type for a bad cell
    if not isinstance(value, str):
        return _number(value, value)
    text = value.strip()
    if comma and (_DOTTED.fullmatch(text) or "." not in text):
        text = text.replace(".", "").replace(",", ".")
    elif "," in text and not _GROUPED.fullmatch(text.partition(".")[0]):
        raise ValueError(f"{_told(value)} is no number: its commas do not part thousands")
    return _number(text.translate(_GROUP_MARKS), value)


def _number(text: str | int | Decimal, shown: object) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{_told(shown)} is no number") from None
    if not number.is_finite():
        raise ValueError(f"{_told(shown)} is no finite number")
    return number


def _since_1970(value: int | Decimal) -> date:
    seconds = float(value) / (1000 if value >= 10**11 else 1)
    try:
        found = datetime.fromtimestamp(seconds, UTC).date()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{_told(value)} is no date") from None
    return _plausible(found, value)


def _date(year: str, month: str, day_of_month: str, shown: str) -> date:
    try:
        found = date(int(year), int(month), int(day_of_month))
    except ValueError:
        raise ValueError(f"{_told(shown)} is no date") from None
    return _plausible(found, shown)


def _plausible(found: date, shown: object) -> date:
    if found.year not in _YEARS:
        raise ValueError(f"{_told(shown)} is no date of a model's use")
    return found


def _told(value: object) -> str:
    """The cell for a message, short: it may be anything."""
    shown = repr(cast("object", str(value) if isinstance(value, Decimal) else value))
    return shown if len(shown) <= 40 else f"{shown[:37]}…"
