"""The days a report is of, as people name them."""

from datetime import UTC, date, datetime

import pytest

from farthing.spend.span import Span, month_to_date, span_of

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until", "last", "first", "end"),
    [
        (None, None, None, date(2026, 11, 1), date(2026, 11, 23)),
        (None, None, "1d", date(2026, 11, 23), date(2026, 11, 23)),
        (None, None, "30d", date(2026, 10, 25), date(2026, 11, 23)),
        (None, None, "2W", date(2026, 11, 10), date(2026, 11, 23)),
        ("2026-10-05", None, None, date(2026, 10, 5), date(2026, 11, 23)),
        (None, "2026-10-05", None, date(2026, 10, 1), date(2026, 10, 5)),
    ],
)
def test_spans(since: str | None, until: str | None, last: str | None, first: date, end: date) -> None:
    assert span_of(since=since, until=until, last=last, now=NOW) == Span(first=first, last=end)


@pytest.mark.parametrize(
    ("since", "until", "last", "said"),
    [
        ("yesterday", None, None, "--since 'yesterday'"),
        (None, "2026-13-01", None, "--until '2026-13-01'"),
        (None, None, "0d", "--last '0d'"),
        (None, None, "30", "--last '30'"),
        ("2026-11-01", None, "3d", "--last"),
        ("2026-11-02", "2026-11-01", None, "before"),
    ],
)
def test_what_is_no_span_is_told(since: str | None, until: str | None, last: str | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        span_of(since=since, until=until, last=last, now=NOW)


def test_a_span_holds_its_days_whole() -> None:
    span = month_to_date(NOW)
    assert span.days()[0] == "2026-11-01"
    assert len(span.days()) == 23
    assert span.until_us - span.from_us == 23 * 86_400_000_000
    assert span.from_us == int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) * 1_000_000
