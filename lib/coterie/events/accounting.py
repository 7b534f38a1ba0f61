"""Nothing is lost: every row read, and its revenue, is accepted, rejected or a duplicate."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.errors import AccountingError, InputError

OUTCOMES = ("accepted", "rejected", "duplicate")
_ZERO = Decimal("0.0000")


@dataclass(frozen=True)
class Line:
    """Rows of one file, month (yyyy-MM of the event, None: no date) and outcome; `first_day`: of their events."""

    source_file: str
    month: str | None
    outcome: str
    rows: int
    revenue: Decimal
    first_day: datetime.date | None


@dataclass(frozen=True)
class Account:
    """The lines of a batch, and how often each reason was given."""

    lines: tuple[Line, ...]
    by_reason: dict[str, int]

    def rows(self, outcome: str | None = None, source_file: str | None = None) -> int:
        return sum(line.rows for line in self._some(outcome, source_file))

    def revenue(self, outcome: str | None = None) -> Decimal:
        return sum((line.revenue for line in self._some(outcome, None)), _ZERO)

    def _some(self, outcome: str | None, source_file: str | None) -> Iterable[Line]:
        return (line for line in self.lines if outcome in (None, line.outcome) and source_file in (None, line.source_file))

    def by_file(self) -> dict[str, dict[str, int]]:
        """Rows by outcome, by file."""
        found: dict[str, dict[str, int]] = {}
        for line in self.lines:
            counts = found.setdefault(line.source_file, dict.fromkeys(OUTCOMES, 0))
            counts[line.outcome] += line.rows
        return found

    def by_month(self) -> list[tuple[str | None, int, Decimal, Decimal, Decimal, Decimal]]:
        """(month, rows read, revenue read, accepted, rejected, duplicate), rows without a date first."""
        months: dict[str | None, list[Line]] = {}
        for line in self.lines:
            months.setdefault(line.month, []).append(line)
        ordered = sorted(months.items(), key=lambda item: item[0] or "")
        return [(month, sum(line.rows for line in lines), *_split(lines)) for month, lines in ordered]

    def first_day(self) -> datetime.date | None:
        """The first day on which an event was accepted."""
        days = [line.first_day for line in self.lines if line.outcome == "accepted" and line.first_day is not None]
        return min(days, default=None)


def _split(lines: list[Line]) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    parts = [sum((line.revenue for line in lines if line.outcome == outcome), _ZERO) for outcome in OUTCOMES]
    return sum(parts, _ZERO), parts[0], parts[1], parts[2]


def lines_of(settled: DataFrame) -> DataFrame:
    """A row for each file, month and outcome: as Line. Few rows: they are collected."""
    return (
        settled.groupBy("source_file", F.col("event_month").alias("month"), "outcome")
        .agg(
            F.count(F.lit(1)).alias("rows"),
            F.coalesce(F.sum("revenue"), F.lit(0)).cast("decimal(28,4)").alias("revenue"),
            F.when(F.col("outcome") == "accepted", F.min("event_date")).alias("first_day"),
        )
        .select("source_file", "month", "outcome", "rows", "revenue", "first_day")
    )


def reasons_of(settled: DataFrame) -> DataFrame:
    """`code, rows`: rejected rows by reason; a row with two reasons counts in both."""
    rejected = settled.where(F.col("outcome") == "rejected")
    codes = rejected.select(F.explode(F.array_distinct(F.transform("reasons", lambda text: F.substring_index(text, ":", 1)))).alias("code"))
    return codes.groupBy("code").agg(F.count(F.lit(1)).alias("rows")).select("code", "rows")


def check_balance(account: Account, rows_read: int, revenue_read: Decimal | None) -> None:
    """Holds the outcomes against what was counted as the rows were read, before any of them had an outcome.

    Raises AccountingError naming the difference.
    """
    strange = {line.outcome for line in account.lines} - set(OUTCOMES)
    if strange:
        raise AccountingError(f"rows have the outcomes {sorted(strange)}; expected only {', '.join(OUTCOMES)}")
    for what, read, found in (
        ("rows", rows_read, {outcome: account.rows(outcome) for outcome in OUTCOMES}),
        ("revenue", revenue_read or _ZERO, {outcome: account.revenue(outcome) for outcome in OUTCOMES}),
    ):
        if read != sum(found.values()):
            parts = " + ".join(f"{value} {outcome}" for outcome, value in found.items())
            raise AccountingError(f"{what} do not add up: {read} read, but {parts} = {sum(found.values())}; nothing was written")


def check_share(account: Account, max_share: float, examples: Iterable[Any]) -> None:
    """Raises InputError, with the reasons and those of the first rows (`source_file, reasons`), where more is rejected than `max_share`."""
    rejected, read = account.rows("rejected"), account.rows()
    if rejected <= max_share * read:
        return
    reasons = ", ".join(f"{code} {count}" for code, count in sorted(account.by_reason.items(), key=lambda item: (-item[1], item[0])))
    shown = "".join(f"\n  {row['source_file'].rsplit('/', 1)[-1]}: {'; '.join(map(_shape, row['reasons']))}" for row in examples)
    raise InputError(
        f"{rejected} of {read} rows ({rejected / read:.1%}) are rejected, more than ingest.max_rejected_share = {max_share:.1%}: {reasons}. "
        f"Mend the input or the mapping, or raise the setting. The first of them, letters as x and digits as 9:{shown}"
    )


def _shape(reason: str) -> str:
    """A reason with the shape of the value that it quotes, not the value: a message goes to logs, and a shifted column puts anything anywhere."""
    code, colon, value = reason.partition(":")
    return code + colon + "".join("9" if sign.isdigit() else "x" if sign.isalpha() else sign if sign.isprintable() else "?" for sign in value)
