"""One customer: what they did, how they compare, who is like them, what is offered to them. Rows are bounded by the limits named here."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from coterie.report.queries.offers import titled
from coterie.report.queries.segments import chosen_of, of_date
from coterie.report.queries.shop import event_count

DAYS = 400  # newest days with an event
TITLES = 3  # of a day
NEIGHBOURS = 5
COMPARED = ("recency", "frequency", "monetary", "average_order_value", "basket_size", "days_between_orders", "item_count", "repeat_share", "cancel_rate",
            "return_rate", "tenure", "event_count")  # fmt: skip


def of_customer(frame: DataFrame, customer_id: str) -> DataFrame:
    return frame.where(F.col("customer_id") == F.lit(customer_id))


def nearest_ids(features: DataFrame, customer_id: str, as_of: datetime.date, most: int = 5) -> DataFrame:
    """(customer_id): the ids that are the fewest changes of a letter away, then by id."""
    known = of_date(features, as_of).select("customer_id", F.levenshtein(F.lower("customer_id"), F.lit(customer_id.lower())).alias("changes"))
    return known.orderBy("changes", "customer_id").limit(most).select("customer_id")


def days(activity: DataFrame, customer_id: str, as_of: datetime.date) -> DataFrame:
    """The customer's newest days up to the date: (activity_date, orders, lines, revenue, given_back, events)."""
    own = of_customer(activity, customer_id).where(F.col("activity_date") <= F.lit(as_of))
    return (
        own.select(
            "activity_date",
            F.col("order_count").alias("orders"),
            F.col("purchase_count").alias("lines"),
            F.col("purchase_revenue").alias("revenue"),
            (F.col("return_revenue") + F.col("cancel_revenue")).alias("given_back"),
            event_count().alias("events"),
        )
        .orderBy(F.col("activity_date").desc())
        .limit(DAYS)
    )


def bought(item_days: DataFrame, items: DataFrame, customer_id: str, as_of: datetime.date) -> DataFrame:
    """(activity_date, title, revenue): the TITLES items of most revenue of each of the customer's days with a purchase."""
    own = of_customer(item_days, customer_id).where((F.col("activity_date") <= F.lit(as_of)) & (F.col("purchase_count") > 0))
    largest = Window.partitionBy("activity_date").orderBy(F.col("purchase_revenue").desc(), "item_id")
    first = own.withColumn("place", F.row_number().over(largest)).where(F.col("place") <= TITLES)
    named = titled(first.select("activity_date", "item_id", "place", F.col("purchase_revenue").alias("revenue")), items)
    return named.orderBy(F.col("activity_date").desc(), "place").limit(DAYS).select("activity_date", "title", "revenue")


def beside(features: DataFrame, segments: DataFrame, own: Mapping[str, Any], segment_id: int, as_of: datetime.date, names: Sequence[str]) -> DataFrame:
    """One row: of each feature named the median of the segment (`name_segment`) and of all who have bought (`name_shop`), and the share of
    those who have a lower value than the customer's (`name_below`; null where the customer has none)."""
    chosen = chosen_of(segments, as_of)
    found = of_date(features, as_of).where(F.col("frequency") > 0).select("customer_id", *(F.col(name).cast("double").alias(name) for name in names))
    is_own = F.col("segment_id") == F.lit(segment_id)
    measures = []
    for name in names:
        value = F.lit(None if own.get(name) is None else float(own[name])).cast("double")
        measures += [
            F.percentile_approx(F.when(is_own, F.col(name)), 0.5, 1000).alias(f"{name}_segment"),
            F.percentile_approx(name, 0.5, 1000).alias(f"{name}_shop"),
            F.avg((F.col(name) < value).cast("double")).alias(f"{name}_below"),
        ]
    return found.join(chosen, on="customer_id", how="left").agg(*measures)


def neighbours(similar: DataFrame, customer_id: str, as_of: datetime.date) -> DataFrame:
    """(neighbour, place, cosine): the nearest NEIGHBOURS, nearest first."""
    row = of_customer(of_date(similar, as_of), customer_id)
    pairs = row.select(F.posexplode(F.slice(F.arrays_zip("neighbours", "cosines"), 1, NEIGHBOURS)).alias("place", "pair"))
    return pairs.select(F.col("pair.neighbours").alias("neighbour"), "place", F.col("pair.cosines").alias("cosine")).orderBy("place")


def shared_items(customer_items: DataFrame, items: DataFrame, near: Sequence[str], customer_id: str, as_of: datetime.date, most: int = 4) -> DataFrame:
    """(neighbour, shared, titles): how many items the customer and each neighbour in `near` both bought, and those that matter most to the two."""
    had = of_date(customer_items, as_of).where("is_bought")
    own = of_customer(had, customer_id).select("item_id", F.col("strength").alias("own"))
    theirs = had.where(F.col("customer_id").isin(list(near))).select("item_id", F.col("customer_id").alias("neighbour"), F.col("strength").alias("theirs"))
    both = theirs.join(F.broadcast(own), on="item_id", how="inner")
    named = titled(both.select("neighbour", "item_id", (F.col("own") * F.col("theirs")).alias("weight")), items)
    ordered = F.array_sort(F.collect_list(F.struct((-F.col("weight")).alias("off"), "item_id", "title")))
    return named.groupBy("neighbour").agg(F.count(F.lit(1)).alias("shared"), F.slice(ordered, 1, most)["title"].alias("titles"))


def offered(recommendations: DataFrame, items: DataFrame, customer_id: str, as_of: datetime.date) -> DataFrame:
    """(rank, title, category, source, reason) of the customer's list."""
    rows = of_customer(of_date(recommendations, as_of), customer_id)
    return titled(rows, items).select("rank", "title", "category", "source", "reason").orderBy("rank")
