"""Alternating least squares on implicit feedback (Hu, Koren, Volinsky 2008, Collaborative filtering for implicit feedback datasets), by MLlib."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.recommend.index import indexed
from coterie.recommend.interactions import recency_weighted
from coterie.recommend.tasks.scorers import Factors, Recency, Scorer
from coterie.recommend.verbs import Training

_FEWEST_BLOCKS, _ROWS_A_BLOCK = 4, 500_000


@dataclass(frozen=True)
class AlsRecommender:
    """Serves customers with an own item, from items that somebody has.

    The preference of customer u for item i is 1 where the recency weight r_ui is above 0, the confidence in it 1 + alpha r_ui (equation 3 of
    the paper), r_ui = intensity x 2^(-days since the last event / half_life_days); `regularisation` is multiplied by the number of rows of
    the customer or item, as MLlib does.
    """

    rank: int
    iterations: int
    regularisation: float
    alpha: float
    half_life_days: float
    seed: int

    @property
    def kind(self) -> str:
        return "als"

    @property
    def settings(self) -> Mapping[str, Any]:
        return asdict(self)

    @property
    def scorer(self) -> Scorer:
        return Factors(self.kind, Recency(self.half_life_days))

    def fit(self, training: Training) -> DataFrame:
        """Sides "customer" and "item": vectors of `rank` numbers."""
        rows = recency_weighted(training.pairs, training.as_of, self.half_life_days)
        count = rows.count()
        if not count:  # MLlib refuses it
            nothing = rows.select(F.lit("item").alias("side"), F.col("item_id").alias("id"), F.array().cast("array<string>").alias("ids"))
            return nothing.select("*", F.array().cast("array<float>").alias("factors")).limit(0)
        customers, items = indexed(rows, "customer_id"), indexed(rows, "item_id")
        numbered = rows.join(customers.withColumnRenamed("index", "customer"), "customer_id", how="inner")
        numbered = numbered.join(items.withColumnRenamed("index", "item"), "item_id", how="inner")
        # Blocks by the number of rows, sorted within: factors must not follow the cores.
        blocks = max(_FEWEST_BLOCKS, -(-count // _ROWS_A_BLOCK))
        ratings = numbered.select("customer", "item", F.col("value").cast("float").alias("value"))
        ratings = ratings.repartition(blocks, "customer").sortWithinPartitions("customer", "item")
        found = ALS(
            rank=self.rank,
            maxIter=self.iterations,
            regParam=self.regularisation,
            alpha=self.alpha,
            implicitPrefs=True,
            numUserBlocks=blocks,
            numItemBlocks=blocks,
            seed=self.seed,
            userCol="customer",
            itemCol="item",
            ratingCol="value",
        ).fit(ratings)
        return _by_id(found.userFactors, customers, "customer").unionByName(_by_id(found.itemFactors, items, "item"))


def _by_id(factors: DataFrame, ids: DataFrame, name: str) -> DataFrame:
    """Rows of `verbs.ROWS` of MLlib's (id int, features)."""
    joined = factors.select(F.col("id").alias("index"), F.col("features").alias("factors")).join(ids, "index", how="inner")
    return joined.select(F.lit(name).alias("side"), F.col(f"{name}_id").alias("id"), F.array().cast("array<string>").alias("ids"), "factors")
