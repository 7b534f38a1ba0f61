"""The last days before a date against the days before those."""

import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.catalogue import WINDOWS
from coterie.schemas import HOUR_BANDS

_MEASURES = {"orders": "order_count", "monetary": "revenue", "events": "_events"}
_TRENDS = {"orders": "order", "monetary": "monetary", "events": "event"}
FIRST_DAY = 2 * max(WINDOWS) - 1  # days from the beginning of the earliest window to the as-of date


def window_totals(days: DataFrame, as_of: datetime.date) -> DataFrame:
    """Daily rows (corrected by `effective_days`) -> one row a customer with a day in any window: its totals and trends.

    A window of n days is (as_of - n, as_of], the one before it (as_of - 2n, as_of - n]. Columns are the catalogue's; trends are null
    where both windows are empty of what they measure.
    """
    age = F.datediff(F.lit(as_of), "activity_date")
    events = sum((F.col(f"{band}_count") for band in HOUR_BANDS), F.lit(0))
    first = as_of - datetime.timedelta(days=FIRST_DAY)
    in_time = (F.col("activity_month") >= f"{first:%Y-%m}") & (F.col("activity_date") >= F.lit(first)) & (age >= 0)
    rows = days.where(in_time).select("customer_id", "order_count", "revenue", events.alias("_events"), age.alias("_age"))
    totals = [total for window in WINDOWS for total in _window(window)]
    return rows.groupBy("customer_id").agg(*totals).select("customer_id", *(column for window in WINDOWS for column in _columns(window)))


def _window(window: int) -> list[Column]:
    is_last = F.col("_age") < window
    is_before = (F.col("_age") >= window) & (F.col("_age") < 2 * window)
    sums = [
        F.sum(F.when(condition, F.col(column)).otherwise(0)).alias(f"{measure}_{window}d{suffix}")
        for suffix, condition in (("", is_last), ("_before", is_before))
        for measure, column in _MEASURES.items()
    ]
    return [*sums, F.count_if(is_last & (F.col("_events") > 0)).alias(f"active_days_{window}d")]


def _columns(window: int) -> list[Column]:
    kept = [F.col(f"{measure}_{window}d") for measure in (*_MEASURES, "active_days")]
    trends = [
        _trend(F.col(f"{measure}_{window}d"), F.col(f"{measure}_{window}d_before")).alias(f"{name}_trend_{window}d")
        for measure, name in _TRENDS.items()
    ]
    return [*kept, *trends]


def _trend(last: Column, before: Column) -> Column:
    """(last - before) / (|last| + |before|): -1 to 1, null where both are 0."""
    size = F.abs(last) + F.abs(before)
    return F.try_divide((last - before).cast("double"), size.cast("double"))
