"""Who is typical of a segment, and which categories it favours."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from coterie.segments.placing import SEGMENT
from coterie.segments.rules import AXES


def typical_customers(members: DataFrame, count: int) -> DataFrame:
    """(segmentation, segment_id, typical_customers): the `count` ids nearest the segment's centre, nearest first, then by id.

    Where there is no centre `distance` is null (a rule decided, or the nearest of many points did): there it is the segment's mean recency,
    frequency and monetary (0 for who never bought), and nearness is counted in standard deviations of the whole segmentation.
    """
    values = members.select(*SEGMENT, "customer_id", "distance", *(F.coalesce(axis, F.lit(0)).alias(axis) for axis in AXES))
    means = values.groupBy(*SEGMENT).agg(*(F.avg(axis).cast("double").alias(f"{axis}_mean") for axis in AXES))
    spreads = values.groupBy("segmentation").agg(*(F.stddev_pop(F.col(axis).cast("double")).alias(f"{axis}_sd") for axis in AXES))
    gaps = [F.coalesce(F.try_divide(F.col(axis).cast("double") - F.col(f"{axis}_mean"), F.col(f"{axis}_sd")), F.lit(0.0)) for axis in AXES]
    # Rounded, since the last digits of a spread may follow the order in which its parts were added.
    off = F.coalesce("distance", F.round(sum((gap * gap for gap in gaps), F.lit(0.0)), 9))
    first = (
        values.join(F.broadcast(means), on=SEGMENT, how="left")
        .join(F.broadcast(spreads), on="segmentation", how="left")
        .select(*SEGMENT, "customer_id", off.alias("off"))
        .withColumn("place", F.row_number().over(Window.partitionBy(*SEGMENT).orderBy("off", "customer_id")))
        .where(F.col("place") <= count)
    )
    pairs = F.array_sort(F.collect_list(F.struct("place", "customer_id")))
    return first.groupBy(*SEGMENT).agg(pairs.alias("pairs")).select(*SEGMENT, F.col("pairs.customer_id").alias("typical_customers"))


def favourite_categories(members: DataFrame, count: int, min_customers: int) -> DataFrame:
    """(segmentation, segment_id, favourite_categories): what more of the segment's customers favour than of the shop's.

    Lift is the share of a category among the segment's customers with a favourite, over that among all who have one. At least
    `min_customers` of the segment must favour it, and the lift be above 1. Ordered by lift descending, then customers descending, then name.
    """
    counted = members.where(F.col("favourite_category").isNotNull()).groupBy(*SEGMENT, "favourite_category").agg(F.count(F.lit(1)).alias("customers"))
    of_segment = F.sum("customers").over(Window.partitionBy(*SEGMENT))
    of_category = F.sum("customers").over(Window.partitionBy("segmentation", "favourite_category"))
    of_shop = F.sum("customers").over(Window.partitionBy("segmentation"))
    lifted = counted.withColumn("lift", F.round(F.col("customers") * of_shop / (of_segment * of_category), 6))
    favoured = lifted.where((F.col("customers") >= min_customers) & (F.col("lift") > 1))
    best = Window.partitionBy(*SEGMENT).orderBy(F.col("lift").desc(), F.col("customers").desc(), "favourite_category")
    entry = F.struct("place", F.struct(F.col("favourite_category").alias("category"), "lift", "customers").alias("entry"))
    return (
        favoured.withColumn("place", F.row_number().over(best))
        .where(F.col("place") <= count)
        .groupBy(*SEGMENT)
        .agg(F.array_sort(F.collect_list(entry)).alias("entries"))
        .select(*SEGMENT, F.col("entries.entry").alias("favourite_categories"))
    )
