"""What the tables of the segments hold for a date; small by nature, but for the customers in them, who are counted or drawn."""

import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

POINTS = 3000  # customers of the projection that the picture shows
DATES = 24  # newest as-of dates whose sizes are shown
MIDDLES = ("recency", "frequency", "monetary", "average_order_value")


def of_date(table: DataFrame, as_of: datetime.date) -> DataFrame:
    return table.where(F.col("as_of") == F.lit(as_of))


def until(table: DataFrame, as_of: datetime.date) -> DataFrame:
    """The rows of the date and of those before."""
    return table.where(F.col("as_of") <= F.lit(as_of))


def newest(table: DataFrame, as_of: datetime.date) -> DataFrame:
    """The rows of the newest date up to the as-of date: a fit's, which may be older than the date it is used on."""
    return _newest_dates(until(table, as_of), 1)


def _newest_dates(rows: DataFrame, most: int) -> DataFrame:
    """Those of the newest `most` dates, in one reading: so few rows may come together in one place."""
    place = F.dense_rank().over(Window.orderBy(F.col("as_of").desc()))
    return rows.withColumn("_place", place).where(F.col("_place") <= most).drop("_place")


def sizes(profiles: DataFrame, as_of: datetime.date) -> DataFrame:
    """(as_of, segment_id, segment_name, size) of the chosen segments at the newest DATES dates up to the as-of date."""
    rows = until(profiles, as_of).where(F.col("segmentation") == "chosen").select("as_of", "segment_id", "segment_name", "size")
    return _newest_dates(rows, DATES)


def chosen_of(segments: DataFrame, as_of: datetime.date) -> DataFrame:
    """(customer_id, segment_id) of the chosen segmentation."""
    return of_date(segments, as_of).where(F.col("segmentation") == "chosen").select("customer_id", "segment_id")


def middles(features: DataFrame, segments: DataFrame, as_of: datetime.date) -> DataFrame:
    """(segment_id, customers, and the median of recency, frequency, monetary, average_order_value) of the chosen segments."""
    members = of_date(features, as_of).select("customer_id", *MIDDLES).join(chosen_of(segments, as_of), on="customer_id", how="inner")
    return members.groupBy("segment_id").agg(F.count(F.lit(1)).alias("customers"), *(median(name) for name in MIDDLES))


def median(name: str) -> Column:
    """The median of a column, within 1 in 500 of the ranks."""
    return F.percentile_approx(F.col(name).cast("double"), 0.5, 500).alias(name)


def points(projection: DataFrame) -> DataFrame:
    """At most POINTS customers of a projection, drawn by hash: (segment_id, x, y)."""
    drawn = projection.orderBy(F.xxhash64(F.lit("report"), F.col("customer_id")), "customer_id").limit(POINTS)
    return drawn.select("segment_id", "x", "y")


def moves(table: DataFrame, as_of: datetime.date) -> DataFrame:
    """(segmentation, cause, from_segment_id, to_segment_id, customers)."""
    ways = of_date(table, as_of).groupBy("segmentation", "cause", "from_segment_id", "to_segment_id")
    return ways.agg(F.count(F.lit(1)).alias("customers"))


def clustering(models: DataFrame, as_of: datetime.date) -> DataFrame:
    """(measures, names, dropped, k, steps) of the newest model up to the date that places customers by their features, of a date's the last revision.

    names: a JSON list of the vector's positions; dropped: a JSON object that says why a column is not among them; k: a JSON list of the fewest
    and the most segments that the settings allowed; steps: a JSON list of the columns looked at, which principal components have no name of.
    """
    parts = [F.get_json_object("payload", path).alias(name) for name, path in _PARTS.items()]
    allowed = F.get_json_object("settings", "$.segments.k").alias("k")
    placing = until(models, as_of).select("as_of", "model_id", "measures", allowed, *parts).where(F.col("ids").isNotNull() & F.col("names").isNotNull())
    newest_first = placing.orderBy(F.col("as_of").desc(), F.col("revision").cast("int").desc(), "model_id")
    is_list = F.col("steps").startswith("[")
    steps = F.when(is_list, F.col("steps")).otherwise(F.concat(F.lit("["), "steps", F.lit("]"))).alias("steps")  # of one match Spark gives the bare value
    return newest_first.limit(1).select("measures", "names", "dropped", "k", steps)


_PARTS = {
    "ids": "$.ids", "revision": "$.revision", "names": "$.content.vectoriser.names", "dropped": "$.content.vectoriser.dropped",
    "steps": "$.content.vectoriser.steps[*].name",
}  # fmt: skip
