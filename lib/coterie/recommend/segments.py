"""What each segment buys: the items it buys more than the shop does, and those that most of it buys."""

import datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

_OF = ("segmentation", "segment_id")


def segment_lists(
    segments: DataFrame, purchases: DataFrame, items: DataFrame, as_of: datetime.date, window_days: int, count: int, min_support: int
) -> DataFrame:
    """Rows of table `segment_recommendations`: for each segment the `count` first items of its lists `lift` and `best`.

    segments: (customer_id, segmentation, segment_id); purchases: as `interactions.effective_purchases` gives them, of which the last
    `window_days` days up to `as_of` count; items: (item_id, is_sellable), of which the sellable ones are listed.
    lift: P(item | segment) / P(item), over customers who bought anything in the window; above 1, and bought by min_support customers of the
    segment or more; by lift, then support, then item. best: by support, then lift, then item.
    """
    is_recent = F.col("purchased_on") > F.date_sub(F.lit(as_of), window_days)
    bought = purchases.where(is_recent).groupBy("customer_id", "item_id").agg(F.count(F.lit(1)).alias("_days")).drop("_days")
    shop = bought.groupBy("item_id").agg(F.count(F.lit(1)).alias("shop_support"))
    shop_buyers = bought.agg(F.count_distinct("customer_id").alias("shop_buyers"))
    theirs = bought.join(segments.select("customer_id", *_OF), "customer_id", how="inner")
    buyers = theirs.groupBy(*_OF).agg(F.count_distinct("customer_id").alias("segment_buyers"))
    support = theirs.groupBy(*_OF, "item_id").agg(F.count(F.lit(1)).alias("support"))
    joined = support.join(buyers, list(_OF), how="inner").join(shop, "item_id", how="inner").crossJoin(F.broadcast(shop_buyers))
    joined = joined.join(items.where("is_sellable").select("item_id"), "item_id", how="left_semi")
    lift = (F.col("support") / F.col("segment_buyers")) / (F.col("shop_support") / F.col("shop_buyers"))
    found = joined.withColumn("lift", lift)
    is_lifted = (F.col("lift") > 1) & (F.col("support") >= min_support)
    by_lift = _listed(found.where(is_lifted), "lift", [F.col("lift").desc(), F.col("support").desc(), F.col("item_id")], count)
    by_support = _listed(found, "best", [F.col("support").desc(), F.col("lift").desc(), F.col("item_id")], count)
    names = ("list", "rank", "item_id", "lift", "support", "segment_buyers", "shop_support", "shop_buyers")
    return by_lift.unionByName(by_support).select(F.lit(as_of).alias("as_of"), *_OF, *names)


def _listed(rows: DataFrame, name: str, order: list[Column], count: int) -> DataFrame:
    rank = F.row_number().over(Window.partitionBy(*_OF).orderBy(*order))
    return rows.select(F.lit(name).alias("list"), rank.alias("rank"), "*").where(F.col("rank") <= count)
