"""Alternating least squares on implicit feedback (Hu, Koren, Volinsky 2008, Collaborative filtering for implicit feedback datasets), by MLlib."""

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.recommend.blocks import beside_all_items
from coterie.recommend.index import indexed
from coterie.recommend.interactions import learnable
from coterie.recommend.kernels import factor_block
from coterie.recommend.verbs import Model, Request, Training, fitted, named, side

_SCORED = "customer_id string, keep_seen boolean, rank int, item_id string, score double, because string, because_bought boolean"


@dataclass(frozen=True)
class AlsRecommender:
    """Serves customers with a strength above 0, from items with one.

    The preference of customer u for item i is 1 where the strength r_ui is above 0, the confidence in it 1 + alpha r_ui (equation 3 of
    the paper); `regularisation` is multiplied by the number of rows of the customer or item, as MLlib does.
    """

    rank: int
    iterations: int
    regularisation: float
    alpha: float
    blocks: int
    seed: int

    @property
    def kind(self) -> str:
        return "als"

    @property
    def settings(self) -> Mapping[str, Any]:
        return asdict(self)

    def learns_from(self, training: Training) -> DataFrame:
        return learnable(training.pairs)

    def fit(self, training: Training, model_id: str) -> Model:
        """Factors of `rank` numbers for each customer and item; none where there is nothing to learn from."""
        rows = learnable(training.pairs)
        if rows.isEmpty():  # MLlib refuses it
            nothing = rows.select(F.lit("item").alias("side"), F.col("item_id").alias("id"), F.array().cast("array<float>").alias("factors"))
            return fitted(self, training, model_id, nothing.limit(0))
        customers, items = indexed(rows, "customer_id"), indexed(rows, "item_id")
        numbered = rows.join(customers.withColumnRenamed("index", "customer"), "customer_id", how="inner")
        numbered = numbered.join(items.withColumnRenamed("index", "item"), "item_id", how="inner")
        # A fixed number of partitions, sorted within: factors must not follow the cores.
        ratings = numbered.select("customer", "item", F.col("strength").cast("float").alias("strength"))
        ratings = ratings.repartition(self.blocks, "customer").sortWithinPartitions("customer", "item")
        found = ALS(
            rank=self.rank,
            maxIter=self.iterations,
            regParam=self.regularisation,
            alpha=self.alpha,
            implicitPrefs=True,
            numUserBlocks=self.blocks,
            numItemBlocks=self.blocks,
            seed=self.seed,
            userCol="customer",
            itemCol="item",
            ratingCol="strength",
        ).fit(ratings)
        factors = _by_id(found.userFactors, customers, "customer").unionByName(_by_id(found.itemFactors, items, "item"))
        return fitted(self, training, model_id, factors)

    def recommend(self, model: Model, request: Request) -> DataFrame:
        """Score: the predicted preference, near 1 for a sure liking. Reason: the customer's own item that speaks most for the offer."""
        customers = request.customers.join(side(model, "customer", "customer_id"), "customer_id", how="inner")
        items = side(model, "item", "item_id").join(request.items, "item_id", how="left")
        items = items.select("item_id", "factors", F.coalesce("is_sellable", F.lit(False)).alias("is_sellable"), named("title", "item_id").alias("name"))
        scored = beside_all_items(customers, items, functools.partial(factor_block, count=request.count), _SCORED, request.blocks)
        deed = F.when(F.col("because_bought"), F.lit("because you bought ")).otherwise(F.lit("because you looked at "))
        reason = F.coalesce(F.concat(deed, "because"), F.lit("fits what you have looked at and bought"))
        return scored.select("customer_id", "keep_seen", "rank", "item_id", "score", reason.alias("reason"))


def _by_id(factors: DataFrame, ids: DataFrame, name: str) -> DataFrame:
    """(side, id, factors) of MLlib's (id int, features)."""
    joined = factors.select(F.col("id").alias("index"), F.col("features").alias("factors")).join(ids, "index", how="inner")
    return joined.select(F.lit(name).alias("side"), F.col(f"{name}_id").alias("id"), "factors")
