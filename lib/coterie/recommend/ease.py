"""EASE: an item-item linear model with a closed form (Steck 2019, Embarrassingly shallow autoencoders for sparse data)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.errors import UserError
from coterie.recommend.interactions import recency_weighted
from coterie.recommend.tasks.gram import GRAM, WEIGHTS, ease_weights, gram_parts
from coterie.recommend.tasks.scorers import ItemWeights, Recency, Scorer
from coterie.recommend.verbs import Training

_ROWS_A_BLOCK = 5_000_000  # of the input, so that few partial Grams travel: each may be as large as the whole


@dataclass(frozen=True)
class EaseRecommender:
    """Serves customers with an own item. Score: x B for the customer's row x of recency weights, B as in equation 8 of the paper.

    regularisation: lambda, added to the diagonal of the items' Gram matrix. own_weight: put on the diagonal of B when scoring, so that own
    items can come first where they may be offered again (the paper's B has 0 there; lists without own items do not change). keep: of each
    item's column of B the largest (absolute) so many entries are kept. max_items: above it the fit is refused, for it holds two square
    matrices of the items in one task.
    """

    regularisation: float
    own_weight: float
    half_life_days: float
    keep: int
    max_items: int

    @property
    def kind(self) -> str:
        return "ease"

    @property
    def settings(self) -> Mapping[str, Any]:
        return asdict(self)

    @property
    def scorer(self) -> Scorer:
        return ItemWeights(self.kind, Recency(self.half_life_days), "goes with {}", self.own_weight)

    def fit(self, training: Training) -> DataFrame:
        """Side "item": from an own item (id) to the items (ids) that it speaks for or against, and how much."""
        rows = recency_weighted(training.pairs, training.as_of, self.half_life_days)
        count, total = rows.agg(F.count_distinct("item_id"), F.count(F.lit(1))).collect()[0]  # one row
        self._require_room(count)
        block = F.pmod(F.xxhash64("customer_id"), F.lit(max(1, -(-total // _ROWS_A_BLOCK)))).alias("block")
        blocks = rows.select(block, "customer_id", "item_id", "value").groupBy("block")
        parts = blocks.applyInArrow(gram_parts, GRAM).select(F.lit(0).alias("one"), "*").groupBy("one")
        regularisation, keep = self.regularisation, self.keep
        # A lambda: of a partial Spark cannot tell how many arguments it takes.
        solved = parts.applyInArrow(lambda table: ease_weights(table, regularisation, keep), WEIGHTS)
        return solved.select(F.lit("item").alias("side"), "id", "ids", "factors")

    def _require_room(self, items: int) -> None:
        if items > self.max_items:
            raise UserError(
                f"EASE would hold {items:,} x {items:,} numbers, about {2 * 8 * items**2 / 2**30:.1f} GB, in one task, and "
                f"recommend.ease.max_items is {self.max_items:,}; raise it where a task has the memory, or leave 'ease' out of recommend.models"
            )
