"""Whole numbers for ids, which MLlib's ALS wants, without bringing the ids to the driver as StringIndexer does."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

BUCKETS = 64  # ids are numbered within each bucket, so that no task sorts all of them; a power of two spreads them evenly over ALS blocks


def indexed(frame: DataFrame, column: str, buckets: int = BUCKETS) -> DataFrame:
    """(`column`, index int): each distinct value of `column` and its number, which follows from the values alone.

    index = (row number within the hash bucket, in order of the value, - 1) x buckets + bucket; so it has gaps, and is unique.
    The same values get the same numbers whatever the partitions. Null values are left out.
    """
    distinct = frame.where(F.col(column).isNotNull()).groupBy(column).agg(F.pmod(F.xxhash64(column), F.lit(buckets)).alias("bucket"))
    place = F.row_number().over(Window.partitionBy("bucket").orderBy(column))
    return distinct.select(column, ((place - 1) * buckets + F.col("bucket")).cast("int").alias("index"))
