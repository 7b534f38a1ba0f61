"""The shop month by month, who came back, and its catalogue."""

import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.schemas import EVENT_TYPES


def event_count() -> Column:
    """Events of a row of daily_activity: none on a day of adjustments alone."""
    return sum((F.col(f"{kind}_count") for kind in EVENT_TYPES if kind != "adjustment"), F.lit(0))


def months(activity: DataFrame, as_of: datetime.date) -> DataFrame:
    """Rows of daily_activity -> (month, orders, bought, given_back, revenue) up to the as-of date.

    bought: revenue of purchases; given_back: of returns and cancels, signed; revenue: net.
    """
    known = activity.where(F.col("activity_date") <= F.lit(as_of))
    return known.groupBy(F.col("activity_month").alias("month")).agg(
        F.sum("order_count").alias("orders"),
        F.sum("purchase_revenue").alias("bought"),
        F.sum(F.col("return_revenue") + F.col("cancel_revenue")).alias("given_back"),
        F.sum("revenue").alias("revenue"),
    )


def cohorts(activity: DataFrame, as_of: datetime.date) -> DataFrame:
    """(cohort, month, buyers, seen): of those who first bought in a month, how many bought in it and in each later one, and how many were
    seen in it at all. cohort null: never bought. A purchase that was cancelled later counts here.
    """
    known = activity.where(F.col("activity_date") <= F.lit(as_of))
    of_customer = known.groupBy("customer_id").agg(
        F.collect_set(F.when(F.col("purchase_count") > 0, F.col("activity_month"))).alias("bought"),
        F.collect_set(F.when(event_count() > 0, F.col("activity_month"))).alias("seen"),
    )
    pairs = of_customer.select("bought", F.array_min("bought").alias("cohort"), F.explode("seen").alias("month"))
    is_buyer = F.array_contains("bought", F.col("month"))
    return pairs.groupBy("cohort", "month").agg(F.count_if(is_buyer).alias("buyers"), F.count(F.lit(1)).alias("seen"))


def catalogue(items: DataFrame) -> DataFrame:
    """(items, sellable, categories): one row."""
    return items.agg(
        F.count(F.lit(1)).alias("items"),
        F.count_if("is_sellable").alias("sellable"),
        F.size(F.collect_set("category")).alias("categories"),
    )
