"""Rows and revenue that go missing stop the job."""

import datetime
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from coterie.errors import AccountingError, InputError
from coterie.events.accounting import Account, Line, check_balance, check_share, lines_of, reasons_of

DAY = datetime.date(2024, 3, 1)
ACCOUNT = Account(
    (
        Line("a", "2024-03", "accepted", 90, Decimal("9.5"), DAY),
        Line("a", "2024-02", "accepted", 1, Decimal("1.0"), datetime.date(2024, 2, 9)),
        Line("b", None, "rejected", 7, Decimal("2.0"), None),
        Line("b", "2024-03", "duplicate", 2, Decimal("0.5"), None),
    ),
    {"wrong": 7, "worse": 3},
)


def test_rows_and_revenue_add_up_in_all_by_file_and_by_month() -> None:
    check_balance(ACCOUNT, 100, Decimal("13.0"))
    assert ACCOUNT.by_file() == {"a": {"accepted": 91, "rejected": 0, "duplicate": 0}, "b": {"accepted": 0, "rejected": 7, "duplicate": 2}}
    assert ACCOUNT.by_month()[0] == (None, 7, Decimal(2), Decimal(0), Decimal(2), Decimal(0))
    assert ACCOUNT.by_month()[2] == ("2024-03", 92, Decimal(10), Decimal("9.5"), Decimal(0), Decimal("0.5"))
    assert ACCOUNT.first_day() == datetime.date(2024, 2, 9)
    check_balance(Account((), {}), 0, None)


@pytest.mark.parametrize(("rows", "revenue", "words"), [(101, "13.0", "rows do not add up: 101 read"), (100, "13.01", "revenue do not add up: 13.01")])
def test_what_went_missing_is_named(rows: int, revenue: str, words: str) -> None:
    with pytest.raises(AccountingError, match=words):
        check_balance(ACCOUNT, rows, Decimal(revenue))


def test_a_row_with_an_unknown_outcome_stops_the_job() -> None:
    with pytest.raises(AccountingError, match="'lost'"):
        check_balance(Account((Line("a", None, "lost", 1, Decimal(0), None),), {}), 1, Decimal(0))


def test_too_many_rejected_rows_stop_the_job_with_reasons_and_examples() -> None:
    check_share(ACCOUNT, 0.07, [])
    with pytest.raises(InputError, match=r"(?s)7 of 100 rows \(7.0%\).*wrong 7, worse 3.*b\.csv: wrong: xxx 99,9; worse"):
        check_share(ACCOUNT, 0.05, [{"source_file": "file:/in/b.csv", "reasons": ["wrong: Zoë 12,5", "worse"]}])


def test_lines_and_reasons_are_counted_from_the_rows(spark: SparkSession) -> None:
    rows = [
        ("a", "2024-03", "accepted", [], Decimal(2), DAY),
        ("a", "2024-03", "accepted", [], None, DAY - datetime.timedelta(1)),
        ("a", None, "rejected", ["x: 1", "x: 2", "y"], Decimal(1), None),
        ("b", None, "rejected", ["y: z: q"], None, None),
    ]
    frame = spark.createDataFrame(rows, "source_file string, event_month string, outcome string, reasons array<string>, revenue decimal(20,4), event_date date")
    assert {tuple(row) for row in lines_of(frame).collect()} == {
        ("a", "2024-03", "accepted", 2, Decimal(2), DAY - datetime.timedelta(1)),
        ("a", None, "rejected", 1, Decimal(1), None),
        ("b", None, "rejected", 1, Decimal(0), None),
    }
    assert dict(tuple(row) for row in reasons_of(frame).collect()) == {"x": 1, "y": 2}
