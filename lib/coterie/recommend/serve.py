"""Lists of several recommenders into one for every customer, filled up and with nothing twice."""

import datetime
from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from coterie.recommend.verbs import Model, Recommender, Request

Fitted = tuple[Recommender, Model]


def offers(recommenders: Sequence[Fitted], request: Request) -> dict[str, DataFrame]:
    """What each recommender would offer: rows of `verbs.LISTS` with `source` and `model_id`, by its kind."""
    return {
        recommender.kind: recommender.recommend(model, request).select(
            "*", F.lit(recommender.kind).alias("source"), F.lit(model.model_id).alias("model_id")
        )
        for recommender, model in recommenders
    }


def filled(offered: Mapping[str, DataFrame], filler: str, count: int, lists: Sequence[str]) -> DataFrame:
    """(list, customer_id, keep_seen, rank, item_id, score, reason, source, model_id): for each kind in `lists` one list a customer, as it would be served.

    A list of a kind begins with that kind's offers in their order; the offers of `filler` that are not in it already follow, in theirs,
    until it holds `count`. As filler's own offers hold `count` items, so does every list, while there are so many items for the customer.
    """
    every = offered[filler].select(F.explode(F.array(*(F.lit(kind) for kind in lists))).alias("list"), F.lit(1).alias("turn"), "*")
    for kind in lists:
        if kind != filler:
            every = every.unionByName(offered[kind].select(F.lit(kind).alias("list"), F.lit(0).alias("turn"), "*"))
    once = Window.partitionBy("list", "customer_id", "keep_seen", "item_id").orderBy("turn", "rank")
    place = Window.partitionBy("list", "customer_id", "keep_seen").orderBy("turn", "rank")
    # One shuffle by customer serves both windows.
    first = every.repartition("customer_id").withColumn("time", F.row_number().over(once)).where(F.col("time") == 1)
    placed = first.withColumn("place", F.row_number().over(place)).where(F.col("place") <= count)
    return placed.select("list", "customer_id", "keep_seen", F.col("place").alias("rank"), "item_id", "score", "reason", "source", "model_id")


def with_repeats_named(served: DataFrame, pairs: DataFrame) -> DataFrame:
    """The rows of `filled`; an item that the customer has had before says so: its source is 'repeat'."""
    had = pairs.where("is_seen").select("customer_id", "item_id", F.lit(True).alias("is_repeat"))
    joined = served.join(had, ["customer_id", "item_id"], how="left")
    source = F.when(F.col("is_repeat"), F.lit("repeat")).otherwise(F.col("source")).alias("source")
    reason = F.when(F.col("is_repeat"), F.lit("you have bought it before")).otherwise(F.col("reason")).alias("reason")
    return joined.select("list", "customer_id", "keep_seen", "rank", "item_id", "score", reason, source, "model_id")


def recommendations(served: DataFrame, as_of: datetime.date) -> DataFrame:
    """Rows of table `recommendations` from the rows of `filled` of one list."""
    return served.select(F.lit(as_of).alias("as_of"), "customer_id", "rank", "item_id", "score", "source", "reason", "model_id")
