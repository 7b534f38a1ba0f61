"""Segmentations as they are kept and applied: where each customer of a date belongs, those who have not bought included."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.features.vector import VectoriserModel
from coterie.segments.effort import ClusterModel
from coterie.segments.methods import METHODS, assign
from coterie.segments.rfm import RfmModel

SEGMENT = ["segmentation", "segment_id"]  # what names a segment
NOT_BOUGHT = 0
NOT_BOUGHT_NAME = "Has not bought yet"


class Segmentation(Protocol):
    def place(self, features: DataFrame) -> DataFrame:
        """Rows of customer_features -> (customer_id, segment_id, confidence, distance, next_segment_id), a row a customer."""

    def content(self) -> dict[str, Any]:
        """All of it as JSON values, ids apart."""


@dataclass(frozen=True)
class ClusterSegmentation:
    """A clustering with the segment id of each cluster. `model` is None where nobody had bought when it was fitted."""

    method: str
    vectoriser: VectoriserModel | None
    model: ClusterModel | None
    ids: tuple[int, ...]

    def content(self) -> dict[str, Any]:
        if self.model is None or self.vectoriser is None:
            return {"method": self.method, "model": None, "vectoriser": None}
        return {"method": self.method, "model": json.loads(self.model.to_json()), "vectoriser": json.loads(self.vectoriser.to_json())}

    @staticmethod
    def from_content(content: Mapping[str, Any], ids: Sequence[int]) -> "ClusterSegmentation":
        if content["model"] is None:
            return ClusterSegmentation(content["method"], None, None, ())
        model = METHODS[content["method"]].load(json.dumps(content["model"]))
        return ClusterSegmentation(content["method"], VectoriserModel.from_json(json.dumps(content["vectoriser"])), model, tuple(ids))

    def clusters(self, features: DataFrame) -> DataFrame:
        """(customer_id, cluster, confidence, distance, second) of the customers who have bought."""
        assert self.vectoriser is not None  # both are None together, and then nobody is asked for
        assert self.model is not None
        bought = features.where(has_bought()).select("customer_id", *self.vectoriser.columns)
        return assign(self.model, self.vectoriser.transform(bought))

    def place(self, features: DataFrame) -> DataFrame:
        if self.model is None:
            return _by_rule(features, F.lit(NOT_BOUGHT))
        ids = F.array(*map(F.lit, self.ids))
        placed = self.clusters(features).select(
            "customer_id",
            F.get(ids, F.col("cluster")).alias("segment_id"),
            "confidence",
            "distance",
            F.get(ids, F.col("second")).alias("next_segment_id"),
        )
        return placed.unionByName(_by_rule(features.where(~has_bought()), F.lit(NOT_BOUGHT)))


@dataclass(frozen=True)
class RuleSegmentation:
    """RFM rules. `model` is None where nobody had bought when it was fitted."""

    model: RfmModel | None

    def content(self) -> dict[str, Any]:
        return {"rules": None if self.model is None else self.model.content()}

    @staticmethod
    def from_content(content: Mapping[str, Any]) -> "RuleSegmentation":
        return RuleSegmentation(None if content["rules"] is None else RfmModel.from_content(content["rules"]))

    def segment_id(self) -> Column:
        """The segment of a row of customer_features."""
        if self.model is None:
            return F.lit(NOT_BOUGHT)
        return F.when(has_bought(), self.model.segment_id()).otherwise(F.lit(NOT_BOUGHT))

    def place(self, features: DataFrame) -> DataFrame:
        return _by_rule(features, self.segment_id())


def has_bought() -> Column:
    """Whether a row of customer_features has a purchase that still counts; the others are segment 0 of every segmentation."""
    return F.coalesce(F.col("frequency"), F.lit(0)) > 0


def _by_rule(features: DataFrame, segment_id: Column) -> DataFrame:
    return features.select(
        "customer_id",
        segment_id.cast("int").alias("segment_id"),
        F.lit(None).cast("double").alias("confidence"),
        F.lit(None).cast("double").alias("distance"),
        F.lit(None).cast("int").alias("next_segment_id"),
    )
