"""Numbers as a reader says them."""

import datetime
from decimal import Decimal

import pytest

from coterie.report import words


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.5, "1 in 2"),
        (0.163, "1 in 6"),
        (0.293, "3 in 10"),
        (0.444, "more than 2 in 5"),
        (0.245, "1 in 4"),
        (0.47, "nearly 1 in 2"),
        (0.9, "9 in 10"),
        (0.98, "nearly all"),
        (1.0, "all"),
        (0.004, "1 in 250"),
        (0.0123, "1 in 81"),
        (0.0, "none"),
        (None, "none"),
        (float("nan"), "none"),
    ],
)
def test_a_share_is_said_as_a_fraction(share: float | None, said: str) -> None:
    assert words.spoken(share) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.293, "29 %"), (0.042, "4.2 %"), (0.0005, "0.05 %"), (0.0, "0 %"), (-0.00001, "0 %"), (1.0, "100 %"), (0.0996, "10 %"), (None, "none")],
)
def test_a_share_is_written_in_per_cent(share: float | None, said: str) -> None:
    assert words.percent(share).replace("\u202f", " ") == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (8267402.1, "GBP 8.27 million"),
        (999_900, "GBP 1 million"),
        (4965.2, "GBP 4,965"),
        (12.3, "GBP 12.30"),
        (-45.678, "-GBP 45.68"),
        (0, "GBP 0"),
        (Decimal("2500000000"), "GBP 2.5 billion"),
        (None, "none"),
    ],
)
def test_an_amount_of_money_is_short_enough_to_be_read(value: float | None, said: str) -> None:
    assert words.money(value, "GBP").replace("\u00a0", " ") == said


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        ("recency", "days since the last order"),
        ("orders_90d", "orders, last 90 days"),
        ("monetary_trend_30d", "trend of net revenue, last 30 days"),
        ("active_day_count", "active days"),
        ("search_count", "searches"),
        ("thursday_share", "share of events on a Thursday"),
        ("winter_share", "share of events in winter"),
        ("a_column_of_ones_own", "a column of ones own"),
    ],
)
def test_a_feature_has_a_name_in_words(feature: str, said: str) -> None:
    assert words.label(feature) == said


def test_a_feature_is_written_with_its_unit() -> None:
    written = [
        words.amount(*given, "EUR").replace("\u00a0", " ").replace("\u202f", " ")
        for given in (("recency", 1), ("recency", 16.04), ("monetary", 1240.4), ("repeat_share", 0.31))
    ]
    assert written == ["1 day", "16.0 days", "EUR 1,240", "31 %"]
    assert words.amount("recency", None, "EUR") == "none"


def test_a_text_is_cut_to_one_line() -> None:
    assert words.cut("a\n b\tc") == "a b c"
    assert words.cut("abcdef", 4) == "abc…"
    assert words.cut(None) == ""


def test_days_and_durations_are_written_out() -> None:
    assert words.day(datetime.date(2011, 12, 9)) == "9 December 2011"
    assert [words.duration(seconds) for seconds in (4.26, 59.4, 125, 7260, None)] == ["4.3 s", "59 s", "2 min 5 s", "2 h 1 min", "none"]
