"""What all customers add up to, and a sample of them for pictures."""

import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.report.queries.segments import MIDDLES, chosen_of, of_date

SAMPLE = 5000  # customers, drawn by hash of the id: the same each time

_NUMERIC = ("int", "bigint", "double", "decimal")


def totals(features: DataFrame, as_of: datetime.date) -> DataFrame:
    """(customers, buyers, orders, revenue, and the medians of `MIDDLES` of those who have bought): one row."""
    has_bought = F.col("frequency") > 0
    bought = [F.percentile_approx(F.when(has_bought, F.col(name).cast("double")), 0.5, 500).alias(name) for name in MIDDLES]
    return of_date(features, as_of).agg(
        F.count(F.lit(1)).alias("customers"),
        F.count_if(has_bought).alias("buyers"),
        F.sum("frequency").alias("orders"),
        F.sum("monetary").alias("revenue"),
        *bought,
    )


def sampled(features: DataFrame, segments: DataFrame, as_of: datetime.date, count: int = SAMPLE) -> DataFrame:
    """At most `count` customers in the order of a hash: the numeric features as doubles, and `segment_id` of the chosen segmentation (null: in none)."""
    numbers = [field.name for field in features.schema.fields if field.dataType.simpleString().partition("(")[0] in _NUMERIC]
    place = F.xxhash64(F.lit("report"), F.col("customer_id")).alias("_place")
    drawn = of_date(features, as_of).select("customer_id", *numbers, place).orderBy("_place", "customer_id").limit(count)
    placed = drawn.join(chosen_of(segments, as_of), on="customer_id", how="left").orderBy("_place", "customer_id")
    return placed.select("segment_id", *(F.col(name).cast("double").alias(name) for name in numbers))
