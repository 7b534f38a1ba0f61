"""What makes two rows alike."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def shared(rows: DataFrame, pairs: DataFrame, count: int = 10) -> DataFrame:
    """(row_id, other_id, rank int, column_id, contribution double): for each pair the columns that add most to its cosine, at most `count`.

    rows: (row_id, column_id, value), as for `within.top_within`; pairs: (row_id, other_id), few. A column contributes the product of the two
    rows' values divided by that of their lengths: the contributions of all shared columns add up to the cosine. Rounded to 12 decimals, ordered
    descending, then by column_id; rank starts at 1. A pair that shares nothing, or of whose rows one is not there, has no rows in the result.
    """
    asked = pairs.select("row_id", "other_id").distinct()
    named = asked.select("row_id").unionByName(asked.select(F.col("other_id").alias("row_id"))).distinct()
    cells = rows.join(F.broadcast(named), "row_id", how="left_semi").groupBy("row_id", "column_id").agg(F.sum("value").alias("value"))
    length = F.sqrt(F.sum(F.col("value") * F.col("value")).over(Window.partitionBy("row_id")))
    unit = cells.where("value > 0").select("row_id", "column_id", (F.col("value") / length).alias("share"))
    others = unit.select(F.col("row_id").alias("other_id"), "column_id", F.col("share").alias("other_share"))
    joined = asked.join(unit, "row_id", how="inner").join(others, ["other_id", "column_id"], how="inner")
    scored = joined.select("row_id", "other_id", "column_id", F.round(F.col("share") * F.col("other_share"), 12).alias("contribution"))
    best_first = Window.partitionBy("row_id", "other_id").orderBy(F.desc("contribution"), "column_id")
    ranked = scored.withColumn("rank", F.row_number().over(best_first)).where(F.col("rank") <= count)
    return ranked.select("row_id", "other_id", "rank", "column_id", "contribution")
