"""What customers with similar baskets have: user-based collaborative filtering (after Resnick et al. 1994) on recency-weighted rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.pairs.within import top_within
from coterie.recommend.interactions import learnable, recency_weighted
from coterie.recommend.tasks.scorers import Neighbours, Scorer
from coterie.recommend.verbs import Training


@dataclass(frozen=True)
class UserKnnRecommender:
    """Serves customers with a neighbour. Score: over the `neighbours` nearest, cosine^power x what the item is worth to each.

    Cosine: of the customers' strengths. Worth: intensity x 2^(-days since the last event / half_life_days).
    """

    neighbours: int
    power: float
    half_life_days: float
    memory_mb: int

    @property
    def kind(self) -> str:
        return "user_knn"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "memory_mb"}

    @property
    def scorer(self) -> Scorer:
        return Neighbours(self.kind, self.power)

    def fit(self, training: Training) -> DataFrame:
        """Side "customer": the nearest customers (ids) and the cosines; sides "basket" and "looked": what a customer bought, and what else they
        did something with (ids), and what it is worth."""
        near = training.similar
        if near is None:
            near = similar_customers(training.pairs, self.neighbours, self.memory_mb)
        nearest = [F.slice(name, 1, self.neighbours) for name in ("neighbours", "cosines")]
        customers = near.select(F.lit("customer").alias("side"), F.col("customer_id").alias("id"), *nearest).toDF("side", "id", "ids", "factors")
        worth = recency_weighted(training.pairs, training.as_of, self.half_life_days, "is_bought")
        entries = F.sort_array(F.collect_list(F.struct("item_id", F.col("value").cast("float").alias("value")))).alias("has")
        side = F.when(F.col("is_bought"), "basket").otherwise("looked").alias("side")
        baskets = worth.groupBy(side, F.col("customer_id").alias("id")).agg(entries)
        of_basket = (F.col("has.item_id").alias("ids"), F.col("has.value").alias("factors"))
        as_float = F.col("factors").cast("array<float>").alias("factors")
        return customers.select("side", "id", "ids", as_float).unionByName(baskets.select("side", "id", *of_basket))


def similar_customers(pairs: DataFrame, neighbours: int, memory_mb: int) -> DataFrame:
    """(customer_id, neighbours array<string>, cosines array<double>): the nearest customers by the cosine of their strengths, best first."""
    rows = learnable(pairs).select(F.col("customer_id").alias("row_id"), F.col("item_id").alias("column_id"), F.col("strength").alias("value"))
    found = top_within(rows, neighbours, memory_mb=memory_mb)
    return found.select(F.col("row_id").alias("customer_id"), "neighbours", F.col("scores").alias("cosines"))
