"""Customers: the periods that a customers file declares, else the country that their events name, day by day."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from coterie.schemas import CUSTOMERS


def customer_days(events: DataFrame) -> DataFrame:
    """`customer_id, event_date, country`: one row for each customer and day with an event; the country of the latest event of the day
    that names one, null where none does. Works on events and on accepted rows; anonymous events are passed over."""
    latest = F.max(F.when(F.col("country").isNotNull(), F.struct("occurred_at", "country")))
    named = events.where(F.col("customer_id").isNotNull())
    return named.groupBy("customer_id", "event_date").agg(latest["country"].alias("country"))


def derived_periods(days: DataFrame) -> DataFrame:
    """CUSTOMERS (is_declared false) from all `customer_days` of each customer: a period begins with the first day, and with each day
    whose country is another than that of the days before. Days that name no country change nothing."""
    in_order = Window.partitionBy("customer_id").orderBy("event_date")
    before = in_order.rowsBetween(Window.unboundedPreceding, -1)
    previous = days.select("*", F.last("country", ignorenulls=True).over(before).alias("previous"), F.row_number().over(in_order).alias("n"))
    begins = (F.col("n") == 1) | (F.col("country").isNotNull() & ~F.col("country").eqNullSafe(F.col("previous")))
    return _as_customers(previous.where(begins), valid_from=F.col("event_date"), country=F.col("country"), is_declared=F.lit(False))


def unsettled_customers(days: DataFrame, existing: DataFrame) -> DataFrame:
    """`customer_id, is_new` of those whose rows in `existing` (CUSTOMERS) the new `days` may change.

    A day fits where it lies in a known period and names its country, or none. Whoever has no row yet is new: their days are all there
    is. Customers whose periods are declared are never unsettled.
    """
    in_order = Window.partitionBy("customer_id").orderBy("valid_from")
    periods = existing.select(
        "customer_id",
        "valid_from",
        "is_declared",
        F.col("country").alias("known_country"),
        F.lead("valid_from").over(in_order).alias("valid_to"),
    )
    covers = (F.col("event_date") >= F.col("valid_from")) & (F.col("valid_to").isNull() | (F.col("event_date") < F.col("valid_to")))
    fits = covers & (F.col("country").isNull() | (F.col("country") == F.col("known_country")))
    is_settled = F.max(F.coalesce(F.col("is_declared") | fits, F.lit(False)))
    by_day = days.join(periods, on="customer_id", how="left").groupBy("customer_id", "event_date")
    judged = by_day.agg(is_settled.alias("is_settled"), F.max(F.col("valid_from").isNotNull()).alias("is_known"))
    of_customer = judged.groupBy("customer_id").agg(F.min("is_settled").alias("is_settled"), F.max("is_known").alias("is_known"))
    return of_customer.where(~F.col("is_settled")).select("customer_id", (~F.col("is_known")).alias("is_new"))


def declared_periods(declared: DataFrame) -> DataFrame:
    """CUSTOMERS (is_declared true) from rows of a customers file: `customer_id, valid_from, country, birth_year, gender, joined_on`."""
    names = ("country", "birth_year", "gender", "joined_on")
    return _as_customers(declared, valid_from=F.col("valid_from"), is_declared=F.lit(True), **{name: F.col(name) for name in names})


def customer_changes(existing: DataFrame, periods: DataFrame, derived_of: DataFrame) -> DataFrame:
    """What to merge into CUSTOMERS, `is_gone` marking rows to take out.

    `periods`: all rows, declared or derived, of the customers in them. `derived_of`: `customer_id` of customers whose derived rows were
    made anew, to be dropped where they are not in `periods` any more. Declared rows drive out derived ones, never the other way.
    """
    declared_now = periods.where("is_declared").groupBy("customer_id").agg(F.lit(True).alias("declares"))
    was_declared = existing.where("is_declared").groupBy("customer_id").agg(F.lit(True).alias("was_declared"))
    marked = periods.join(declared_now, on="customer_id", how="left").join(was_declared, on="customer_id", how="left")
    stands = F.col("is_declared") | (F.col("declares").isNull() & F.col("was_declared").isNull())
    kept = marked.where(stands).select(*CUSTOMERS.names, F.lit(False).alias("is_gone"))
    renewed = derived_of.select("customer_id").union(declared_now.select("customer_id")).groupBy("customer_id").agg(F.lit(True).alias("is_renewed"))
    declaring = declared_now.select("customer_id", "declares")
    old = existing.join(renewed, on="customer_id", how="left_semi").join(declaring, on="customer_id", how="left")
    # A declared row goes only where the file declares other periods of that customer now.
    may_go = old.where(~F.col("is_declared") | F.col("declares").isNotNull())
    gone = may_go.join(kept.select("customer_id", "valid_from"), on=["customer_id", "valid_from"], how="left_anti")
    return kept.unionByName(gone.select(*CUSTOMERS.names, F.lit(True).alias("is_gone")))


def _as_customers(rows: DataFrame, **made: Column) -> DataFrame:
    types = {column.name: column.type for column in CUSTOMERS.columns if column.name != "customer_id"}
    return rows.select("customer_id", *(made.get(name, F.lit(None)).cast(kind).alias(name) for name, kind in types.items()))
