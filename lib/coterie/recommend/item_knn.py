"""Items bought by the same customers: cosine neighbours with shrinkage (after Sarwar et al. 2001 and Deshpande, Karypis 2004)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.pairs.within import top_within
from coterie.recommend.interactions import recency_weighted
from coterie.recommend.tasks.scorers import ItemWeights, Recency, Scorer
from coterie.recommend.verbs import Training


@dataclass(frozen=True)
class ItemKnnRecommender:
    """Serves customers with an own item. Score: the own items' recency weights times their shrunk cosines to the item.

    The rows of items a, b (customers' recency weights, half_life_days) have the cosine a.b / |a||b|; shrunk it is a.b / (|a||b| + shrinkage),
    so that two items with a single customer each are not sure to belong together. Of each item the `neighbours` nearest by cosine count.
    """

    neighbours: int
    shrinkage: float
    half_life_days: float
    own_half_life_days: float
    memory_mb: int

    @property
    def kind(self) -> str:
        return "item_knn"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "memory_mb"}

    @property
    def scorer(self) -> Scorer:
        return ItemWeights(self.kind, Recency(self.own_half_life_days), "goes with {}")

    def fit(self, training: Training) -> DataFrame:
        """Side "item": from an own item (id) to the items (ids) that have it among their nearest, and how much it says for them."""
        rows = recency_weighted(training.pairs, training.as_of, self.half_life_days)
        lengths = rows.groupBy("item_id").agg(F.sqrt(F.sum(F.col("value") * F.col("value"))).alias("length"))
        named = rows.select(F.col("item_id").alias("row_id"), F.col("customer_id").alias("column_id"), "value")
        found = top_within(named, self.neighbours, memory_mb=self.memory_mb)
        pairs = neighbour_pairs(found).join(lengths.select(F.col("item_id").alias("target"), F.col("length").alias("target_length")), "target", how="inner")
        pairs = pairs.join(lengths.select(F.col("item_id").alias("id"), "length"), "id", how="inner")
        product = F.col("length") * F.col("target_length")
        shrunk = (F.col("cosine") * product / (product + F.lit(float(self.shrinkage)))).cast("float")
        return item_rows(pairs.select("id", "target", shrunk.alias("weight")))


def neighbour_pairs(found: DataFrame) -> DataFrame:
    """(id, target, cosine double): each neighbour (id) of each row (target) of what `pairs.within.top_within` found."""
    each = found.select(F.col("row_id").alias("target"), F.explode(F.arrays_zip("neighbours", "scores")).alias("near"))
    return each.select(F.col("near.neighbours").alias("id"), "target", F.col("near.scores").alias("cosine"))


def item_rows(weights: DataFrame) -> DataFrame:
    """Rows of `verbs.ROWS`, side "item", from (id, target, weight float)."""
    lists = weights.groupBy("id").agg(F.sort_array(F.collect_list(F.struct("target", "weight"))).alias("to"))
    return lists.select(F.lit("item").alias("side"), "id", F.col("to.target").alias("ids"), F.col("to.weight").alias("factors"))
