"""Who changed segment between two as-of dates and why, and how many went which way."""

import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_CUSTOMER = ["segmentation", "customer_id"]


def segment_moves(now: DataFrame, before: DataFrame, restated: DataFrame, as_of: datetime.date, previous_as_of: datetime.date) -> DataFrame:
    """Rows of `segment_moves` for the customers of both dates whose segment differs.

    now, before: rows of `segments` of one date each. restated: (segmentation, customer_id, segment_id), where the model of now puts the
    customers' features of the earlier date; no row where the model is the same. Is that the segment of now already, the model moved the
    customer; else the customer did.
    """
    then = before.select(*_CUSTOMER, F.col("segment_id").alias("from_segment_id"))
    placed = restated.select(*_CUSTOMER, F.col("segment_id").alias("restated_id"))
    moved = (
        now.select(*_CUSTOMER, F.col("segment_id").alias("to_segment_id"))
        .join(then, on=_CUSTOMER, how="inner")
        .where(F.col("from_segment_id") != F.col("to_segment_id"))
        .join(placed, on=_CUSTOMER, how="left")
    )
    return moved.select(
        F.lit(as_of).alias("as_of"),
        *_CUSTOMER,
        F.lit(previous_as_of).alias("previous_as_of"),
        "from_segment_id",
        "to_segment_id",
        F.when(F.col("restated_id") == F.col("to_segment_id"), "model").otherwise("customer").alias("cause"),
    )


def segment_flows(now: DataFrame, before: DataFrame, revenue: DataFrame, recent: DataFrame, as_of: datetime.date, previous_as_of: datetime.date) -> DataFrame:
    """Rows of `segment_flows`: every customer of either date in exactly one way of each segmentation.

    now, before: rows of `segments` of one date each; revenue: (customer_id, revenue), net up to the later date, or the earlier for who left;
    recent: (customer_id, recent), revenue of the 90 days up to the earlier date, of whose means by segment the revenue at stake is made.
    """
    then = before.select(*_CUSTOMER, F.col("segment_id").alias("from_segment_id"))
    both = now.select(*_CUSTOMER, F.col("segment_id").alias("to_segment_id")).join(then, on=_CUSTOMER, how="full")
    ways = both.join(revenue, on="customer_id", how="left").groupBy("segmentation", "from_segment_id", "to_segment_id")
    counted = ways.agg(F.count(F.lit(1)).alias("customers"), F.coalesce(F.sum("revenue"), F.lit(0)).cast("decimal(28,4)").alias("revenue"))
    means = before.join(recent, on="customer_id", how="left").groupBy("segmentation", "segment_id").agg(F.avg(F.coalesce("recent", F.lit(0))).alias("mean"))
    for end in ("from", "to"):
        known = means.select("segmentation", F.col("segment_id").alias(f"{end}_segment_id"), F.col("mean").cast("double").alias(f"{end}_mean"))
        counted = counted.join(F.broadcast(known), on=["segmentation", f"{end}_segment_id"], how="left")
    # A segment that nobody was in before has no mean, and what is at stake there is not known.
    left = F.when(F.col("to_segment_id").isNull(), F.lit(0.0)).otherwise(F.col("to_mean"))
    return counted.select(
        F.lit(previous_as_of).alias("previous_as_of"),
        F.lit(as_of).alias("as_of"),
        "segmentation",
        "from_segment_id",
        "to_segment_id",
        "customers",
        "revenue",
        ((F.col("from_mean") - left) * F.col("customers")).cast("decimal(28,4)").alias("revenue_at_stake"),
    )


def latest_revenue(features_now: DataFrame, features_before: DataFrame) -> DataFrame:
    """(customer_id, revenue): monetary of the later date, of the earlier for customers who are no longer there; 0 for none."""
    now = features_now.select("customer_id", F.coalesce("monetary", F.lit(0)).cast("decimal(28,4)").alias("revenue"))
    gone = features_before.join(now, on="customer_id", how="left_anti")
    return now.unionByName(gone.select("customer_id", F.coalesce("monetary", F.lit(0)).cast("decimal(28,4)").alias("revenue")))
