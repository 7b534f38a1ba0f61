"""The shop month by month, who came back, and its catalogue."""

import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def months(activity: DataFrame, as_of: datetime.date) -> DataFrame:
    """Rows of daily_activity -> a row a month up to the as-of date, oldest first:

    (month, customers with an event, buyers, orders, events, bought (revenue of purchases), given_back (of returns and cancels, signed),
    revenue (net)).
    """
    of_customer = (
        activity.where(F.col("activity_date") <= F.lit(as_of))
        .groupBy(F.col("activity_month").alias("month"), "customer_id")
        .agg(
            F.sum("purchase_count").alias("purchases"),
            F.sum("order_count").alias("orders"),
            F.sum(sum((F.col(name) for name in _counts(activity)), F.lit(0))).alias("events"),
            F.sum("purchase_revenue").alias("bought"),
            F.sum(F.col("return_revenue") + F.col("cancel_revenue")).alias("given_back"),
            F.sum("revenue").alias("revenue"),
        )
    )
    sums = [F.sum(name).alias(name) for name in ("orders", "events", "bought", "given_back", "revenue")]
    counts = [F.count_if(F.col("events") > 0).alias("customers"), F.count_if(F.col("purchases") > 0).alias("buyers")]
    return of_customer.groupBy("month").agg(*counts, *sums).orderBy("month")


def _counts(activity: DataFrame) -> list[str]:
    """Counts by event type, which are those of the columns that add up to all events."""
    kinds = ("view", "search", "cart", "impression", "click", "purchase", "return", "cancel", "review")
    return [f"{kind}_count" for kind in kinds if f"{kind}_count" in activity.columns]


def cohorts(activity: DataFrame, as_of: datetime.date) -> DataFrame:
    """(cohort, month, customers): of those who first bought in a month, how many bought in it and in each later one.

    A purchase that was cancelled later counts here.
    """
    bought = activity.where((F.col("activity_date") <= F.lit(as_of)) & (F.col("purchase_count") > 0))
    of_customer = bought.groupBy("customer_id").agg(F.collect_set("activity_month").alias("months"))
    pairs = of_customer.select(F.array_min("months").alias("cohort"), F.explode("months").alias("month"))
    return pairs.groupBy("cohort", "month").agg(F.count(F.lit(1)).alias("customers")).orderBy("cohort", "month")


def catalogue(items: DataFrame) -> DataFrame:
    """(items, sellable, categories): one row."""
    return items.agg(
        F.count(F.lit(1)).alias("items"),
        F.count_if("is_sellable").alias("sellable"),
        F.count_distinct("category").alias("categories"),
    )
