"""Repeat purchase: what a customer has bought before, by recency and by how often."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.recommend.tasks.scorers import Again, Scorer
from coterie.recommend.verbs import Training


@dataclass(frozen=True)
class RepeatRecommender:
    """Serves customers with a purchase, from the items they bought; so nothing where items seen are left out.

    Score: bought_days^power x 2^(-days since the last purchase / half_life_days). Nothing is fitted: the history travels with the customer.
    """

    half_life_days: float
    power: float

    @property
    def kind(self) -> str:
        return "repeat"

    @property
    def settings(self) -> Mapping[str, Any]:
        return asdict(self)

    @property
    def scorer(self) -> Scorer:
        return Again(self.kind, self.half_life_days, self.power)

    def fit(self, training: Training) -> DataFrame:
        nothing = training.items.select(F.lit("item").alias("side"), F.col("item_id").alias("id"), F.array().cast("array<string>").alias("ids"))
        return nothing.select("*", F.array().cast("array<float>").alias("factors")).limit(0)
