"""The running totals of each customer: those of one as-of date and the days since make those of the next.

All is counted in integers, decimals and dates, so that adding day by day and adding all at once give the same rows. A total cannot be
taken back, so a customer whose past changed (late events, a purchase cancelled since) is added up anew from the daily tables.
"""

import datetime
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.catalogue import SEASONS, WEEKDAYS
from coterie.features.effective import effective_days, effective_item_days
from coterie.schemas import CUSTOMER_STATE, HOUR_BANDS

_FIRSTS = ("first_seen_on", "first_active_on", "first_order_on")
_LASTS = ("last_active_on", "last_order_on")
_GAPS, _ITEMS, _DAYS = "gap_square_sum", "items", "_order_days"
_TYPES = {column.name: column.type for column in CUSTOMER_STATE.columns}
_SUMS = tuple(name for name in CUSTOMER_STATE.names if name not in ("as_of", "customer_id", *_FIRSTS, *_LASTS, _GAPS, _ITEMS))
_DERIVED = {"order_day_count", "active_day_count", "holiday_count"} | {f"{part}_count" for part in (*WEEKDAYS, *SEASONS)}


def customers_to_rebuild(
    state: DataFrame, days: DataFrame, cancellations: DataFrame, since: datetime.date, as_of: datetime.date
) -> tuple[DataFrame, DataFrame]:
    """Customers whose state as of `since` cannot be carried on to `as_of`: (those without one, those with a purchase cancelled since).

    `days` are all rows of `daily_activity`. Each frame is of distinct customer_id.
    """
    known = days.where(F.col("activity_date") <= F.lit(since)).groupBy("customer_id").agg(F.count("*").alias("_days"))
    missing = known.join(state, on="customer_id", how="left_anti").select("customer_id")
    since_then = (F.col("cancelled_on") > F.lit(since)) & (F.col("cancelled_on") <= F.lit(as_of))
    cancelled = cancellations.where(since_then).groupBy("customer_id").agg(F.count("*").alias("_pairs")).select("customer_id")
    return missing, cancelled


def advance_state(
    state: DataFrame,
    days: DataFrame,
    item_days: DataFrame,
    cancellations: DataFrame,
    rebuild: DataFrame | None,
    *,
    since: datetime.date,
    as_of: datetime.date,
    holidays: Sequence[datetime.date],
) -> DataFrame:
    """`customer_state` as of `as_of` from `state`, its rows as of `since` (<= as_of), and the days after it.

    `days` and `item_days` may hold any day: those up to `since` are used for the customers of `rebuild` alone (distinct customer_id; None:
    nobody), those after `as_of` for nobody.
    """

    def needed(rows: DataFrame) -> DataFrame:
        is_after = (F.col("activity_date") > F.lit(since)) & (F.col("activity_date") <= F.lit(as_of))
        after = rows.where(is_after & (F.col("activity_month") >= f"{since:%Y-%m}"))
        if rebuild is None:
            return after
        before = rows.where(F.col("activity_date") <= F.lit(since))
        return after.unionByName(before.join(rebuild, on="customer_id", how="left_semi"))

    kept = state if rebuild is None else state.join(rebuild, on="customer_id", how="left_anti")
    return _combined(kept, _totals(needed(days), needed(item_days), cancellations, as_of, holidays), as_of)


def state_from_scratch(
    days: DataFrame, item_days: DataFrame, cancellations: DataFrame, *, as_of: datetime.date, holidays: Sequence[datetime.date]
) -> DataFrame:
    """`customer_state` as of `as_of` from all days up to it. Each customer with a day has one row."""
    until = F.col("activity_date") <= F.lit(as_of)
    return _combined(None, _totals(days.where(until), item_days.where(until), cancellations, as_of, holidays), as_of)


def _totals(
    days: DataFrame, item_days: DataFrame, cancellations: DataFrame, as_of: datetime.date, holidays: Sequence[datetime.date]
) -> DataFrame:
    """What the given days add, one row a customer: the state's columns, and its days with an order, sorted, in place of their gaps."""
    corrected = _with_calendar(effective_days(days, cancellations, as_of), holidays)
    has_order = F.col("order_count") > 0
    is_active = F.col("_events") > 0
    by_customer = corrected.groupBy("customer_id").agg(
        F.min("activity_date").alias("first_seen_on"),
        F.min(F.when(is_active, F.col("activity_date"))).alias("first_active_on"),
        F.max(F.when(is_active, F.col("activity_date"))).alias("last_active_on"),
        F.min(F.when(has_order, F.col("activity_date"))).alias("first_order_on"),
        F.max(F.when(has_order, F.col("activity_date"))).alias("last_order_on"),
        F.count_if(has_order).alias("order_day_count"),
        F.count_if(is_active).alias("active_day_count"),
        *(F.sum(name).alias(name) for name in _SUMS if name not in ("order_day_count", "active_day_count")),
        F.sort_array(F.collect_list(F.when(has_order, F.col("activity_date")))).alias(_DAYS),
    )
    return by_customer.join(_items(effective_item_days(item_days, cancellations, as_of)), on="customer_id", how="left")


def _with_calendar(days: DataFrame, holidays: Sequence[datetime.date]) -> DataFrame:
    """Daily rows with their events, and the events again under the day's weekday, season and, where it is one, holiday."""
    events = sum((F.col(f"{band}_count") for band in HOUR_BANDS), F.lit(0)).cast("bigint")
    month = F.month("activity_date")
    conditions = {day: F.weekday("activity_date") == number for number, day in enumerate(WEEKDAYS)}
    conditions |= {season: month.isin(*months) for season, months in SEASONS.items()}
    conditions["holiday"] = F.col("activity_date").isin(*holidays) if holidays else F.lit(False)
    counts = [F.when(condition, F.col("_events")).otherwise(0).alias(f"{part}_count") for part, condition in conditions.items()]
    carried = [name for name in _SUMS if name not in _DERIVED]
    return days.select("customer_id", "activity_date", *carried, events.alias("_events")).select("*", *counts)


def _items(item_days: DataFrame) -> DataFrame:
    """The items bought, an array a customer, by item_id. Items whose purchases were all cancelled are none."""
    item = F.struct(
        "item_id",
        F.col("purchase_count").cast("bigint").alias("purchase_count"),
        F.col("purchase_quantity").cast("decimal(28,4)").alias("quantity"),
        F.col("purchase_revenue").cast("decimal(28,4)").alias("revenue"),
    )
    return (
        item_days.where(F.col("purchase_count") > 0)
        .select("customer_id", "item_id", "purchase_count", "purchase_quantity", "purchase_revenue")
        .repartition("customer_id")  # serves both groupings and the join that follows
        .groupBy("customer_id", "item_id")
        .agg(*(F.sum(name).alias(name) for name in ("purchase_count", "purchase_quantity", "purchase_revenue")))
        .groupBy("customer_id")
        .agg(F.sort_array(F.collect_list(item)).alias(_ITEMS))
    )


def _combined(base: DataFrame | None, added: DataFrame, as_of: datetime.date) -> DataFrame:
    """Base totals (None: none of anyone) and those added to them; a customer may be in either alone. Days added are later than the base."""
    fresh = added.alias("a")
    joined = fresh if base is None else base.alias("b").join(fresh, on="customer_id", how="full_outer")

    def before(name: str) -> Column:
        return F.lit(None).cast(_TYPES[name]) if base is None else F.col(f"b.{name}")

    def merged(name: str) -> Column:
        old, new = before(name), F.col(f"a.{name}")
        if name in _FIRSTS:
            return F.least(old, new)
        if name in _LASTS:
            return F.greatest(old, new)
        return F.coalesce(old, F.lit(0)) + F.coalesce(new, F.lit(0))

    columns = {name: merged(name) for name in (*_FIRSTS, *_LASTS, *_SUMS)}
    columns[_GAPS] = F.coalesce(before(_GAPS), F.lit(0)) + _gap_squares(before("last_order_on"), F.col(f"a.{_DAYS}"))
    columns[_ITEMS] = _merged_items(before(_ITEMS), F.col(f"a.{_ITEMS}"))
    columns |= {"as_of": F.lit(as_of), "customer_id": F.col("customer_id")}
    return joined.select(*(columns[name].cast(_TYPES[name]).alias(name) for name in CUSTOMER_STATE.names))


def _gap_squares(last: Column, days: Column) -> Column:
    """Squares of the days from each order day to the next, `last` (null: none) being the one before `days` (sorted; null: none)."""
    none = F.array().cast("array<date>")
    chain = F.concat(F.when(last.isNotNull(), F.array(last)).otherwise(none), F.coalesce(days, none))
    count = F.greatest(F.size(chain) - 1, F.lit(0))
    gaps = F.zip_with(F.slice(chain, 1, count), F.slice(chain, 2, count), lambda one, two: F.datediff(two, one).cast("bigint"))
    return F.aggregate(gaps, F.lit(0).cast("bigint"), lambda total, gap: total + gap * gap)


def _merged_items(old: Column, new: Column) -> Column:
    """Two item arrays as one, equal items added up. Customers without anything new keep the array they have."""
    none = F.array().cast(_TYPES[_ITEMS])

    def added_up(item: Column) -> Column:
        same = F.filter(old, lambda other: other.item_id == item.item_id)
        return F.aggregate(
            same,
            item,
            lambda total, other: F.struct(
                total.item_id.alias("item_id"),
                (total.purchase_count + other.purchase_count).alias("purchase_count"),
                (total.quantity + other.quantity).cast("decimal(28,4)").alias("quantity"),
                (total.revenue + other.revenue).cast("decimal(28,4)").alias("revenue"),
            ),
        )

    new_ids = F.transform(new, lambda item: item.item_id)
    untouched = F.filter(old, lambda item: ~F.array_contains(new_ids, item.item_id))
    both = F.sort_array(F.concat(untouched, F.transform(new, added_up)))
    return F.when(new.isNull(), F.coalesce(old, none)).when(old.isNull(), new).otherwise(both)
