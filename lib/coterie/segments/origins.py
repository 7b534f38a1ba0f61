"""When a segment's customers began, who stands at its border, and where the RFM rules would put them."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from coterie.segments.placing import SEGMENT


def border_customers(members: DataFrame, count: int) -> DataFrame:
    """(segmentation, segment_id, border_customers): the `count` ids with the least confidence, least first, then by id; none where a rule decides."""
    first = Window.partitionBy(*SEGMENT).orderBy("confidence", "customer_id")
    placed = members.where(F.col("confidence").isNotNull()).withColumn("place", F.row_number().over(first)).where(F.col("place") <= count)
    listed = placed.groupBy(*SEGMENT).agg(F.array_sort(F.collect_list(F.struct("place", "customer_id"))).alias("pairs"))
    return listed.select(*SEGMENT, F.col("pairs.customer_id").alias("border_customers"))


def months_of_origin(members: DataFrame, count: int) -> DataFrame:
    """(segmentation, segment_id, months_of_origin): the `count` months in which most of its customers first ordered, the fullest first.

    members have as_of and days_since_first_order; who has not ordered is left out. share: of the segment's customers who have.
    """
    month = F.date_format(F.date_sub("as_of", F.col("days_since_first_order")), "yyyy-MM").alias("month")
    begun = members.where(F.col("days_since_first_order").isNotNull()).groupBy(*SEGMENT, month).agg(F.count(F.lit(1)).alias("customers"))
    share = (F.col("customers") / F.sum("customers").over(Window.partitionBy(*SEGMENT))).alias("share")
    best = Window.partitionBy(*SEGMENT).orderBy(F.col("customers").desc(), "month")
    ranked = begun.select("*", share, F.row_number().over(best).alias("place")).where(F.col("place") <= count)
    entry = F.struct("place", F.struct("month", "customers", "share").alias("entry"))
    return (
        ranked.groupBy(*SEGMENT).agg(F.array_sort(F.collect_list(entry)).alias("entries")).select(*SEGMENT, F.col("entries.entry").alias("months_of_origin"))
    )


def rule_overlap(members: DataFrame, rules: str) -> DataFrame:
    """(segmentation, segment_id, rfm_overlap): how many of its customers each segment of the segmentation `rules` holds, the most first."""
    by_rule = members.where(F.col("segmentation") == rules).select(
        "customer_id", F.col("segment_id").alias("rfm_segment_id"), F.col("segment_name").alias("rfm_segment")
    )
    both = members.join(by_rule, on="customer_id", how="inner").groupBy(*SEGMENT, "rfm_segment_id", "rfm_segment").agg(F.count(F.lit(1)).alias("customers"))
    share = (F.col("customers") / F.sum("customers").over(Window.partitionBy(*SEGMENT))).alias("share")
    entry = F.struct((-F.col("customers")).alias("less"), F.struct("rfm_segment_id", "rfm_segment", "customers", share.alias("share")).alias("entry"))
    listed = both.select(*SEGMENT, entry.alias("entry")).groupBy(*SEGMENT).agg(F.array_sort(F.collect_list("entry")).alias("entries"))
    return listed.select(*SEGMENT, F.col("entries.entry").alias("rfm_overlap"))
