"""What the tables of the segments hold for a date; small by nature, but for the customers in them, who are counted or drawn."""

import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

POINTS = 3000  # customers of the projection that the picture shows
_VALUES = ("recency", "frequency", "monetary", "average_order_value")


def of_date(table: DataFrame, as_of: datetime.date) -> DataFrame:
    return table.where(F.col("as_of") == F.lit(as_of))


def newest(table: DataFrame, as_of: datetime.date) -> DataFrame:
    """The rows of the newest date up to the as-of date: a fit's, which may be older than the date it is used on."""
    last = table.where(F.col("as_of") <= F.lit(as_of)).agg(F.max("as_of").alias("as_of"))
    return table.join(F.broadcast(last), on="as_of", how="inner")


def profiles(table: DataFrame, as_of: datetime.date) -> DataFrame:
    """Profiles of the date, and of the dates before."""
    return table.where(F.col("as_of") <= F.lit(as_of)).orderBy("as_of", "segmentation", "segment_id")


def middles(features: DataFrame, segments: DataFrame, as_of: datetime.date) -> DataFrame:
    """(segment_id, customers, and the median of recency, frequency, monetary, average_order_value); segment_id null: all who have bought."""
    chosen = of_date(segments, as_of).where(F.col("segmentation") == "chosen").select("customer_id", "segment_id")
    members = of_date(features, as_of).select("customer_id", *_VALUES).join(chosen, on="customer_id", how="inner")
    medians = [F.percentile_approx(F.col(name).cast("double"), 0.5, 1000).alias(name) for name in _VALUES]
    own = members.groupBy("segment_id").agg(F.count(F.lit(1)).alias("customers"), *medians)
    everyone = members.where(F.col("frequency") > 0).agg(F.lit(None).cast("int").alias("segment_id"), F.count(F.lit(1)).alias("customers"), *medians)
    return own.unionByName(everyone).orderBy("segment_id")


def points(projection: DataFrame) -> DataFrame:
    """At most POINTS customers of a projection, drawn by hash: (segment_id, x, y)."""
    drawn = projection.orderBy(F.xxhash64(F.lit("report"), F.col("customer_id")), "customer_id").limit(POINTS)
    return drawn.select("segment_id", "x", "y")


def moves(table: DataFrame, as_of: datetime.date) -> DataFrame:
    """(segmentation, cause, from_segment_id, to_segment_id, customers)."""
    ways = of_date(table, as_of).groupBy("segmentation", "cause", "from_segment_id", "to_segment_id")
    return ways.agg(F.count(F.lit(1)).alias("customers"))


def clustering(models: DataFrame, as_of: datetime.date) -> DataFrame:
    """Of the models that place customers, the newest of each kind: (kind, as_of, model_id, measures, names, dropped) of what was clustered.

    `names`: a JSON list of the vector's positions; `dropped`: a JSON object, why a column is not among them. Both null for rules.
    """
    content = F.col("payload")
    known = models.where((F.col("as_of") <= F.lit(as_of)) & F.get_json_object(content, "$.ids").isNotNull())
    last = known.groupBy("kind").agg(F.max_by(F.struct("as_of", "model_id", "measures", "payload"), F.col("as_of")).alias("last"))
    return last.select(
        "kind",
        F.col("last.as_of").alias("as_of"),
        F.col("last.model_id").alias("model_id"),
        F.col("last.measures").alias("measures"),
        F.get_json_object(F.col("last.payload"), "$.content.vectoriser.names").alias("names"),
        F.get_json_object(F.col("last.payload"), "$.content.vectoriser.dropped").alias("dropped"),
    )
