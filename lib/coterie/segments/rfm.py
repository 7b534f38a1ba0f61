"""RFM scores by stored quintile cuts: fitted once, then applied, so that nobody moves because others did."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.segments.rules import AXES, Rules

_QUANTILES = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class RfmModel:
    """`cuts`: of each axis the four values between its fifths, rising. `table`: the segment id of each cell, as in Rules."""

    cuts: dict[str, tuple[float, ...]]
    table: tuple[int, ...]

    def content(self) -> dict[str, Any]:
        """The model as JSON values."""
        return {"cuts": {axis: list(cuts) for axis, cuts in self.cuts.items()}, "table": list(self.table)}

    @staticmethod
    def from_content(content: Mapping[str, Any]) -> "RfmModel":
        return RfmModel({axis: tuple(content["cuts"][axis]) for axis in AXES}, tuple(content["table"]))

    def segment_id(self) -> Column:
        """The segment of a customer who has bought, from the columns recency, frequency and monetary.

        A score is 1 and one more for each cut below the value (recency: 5 and one less). So equal values always score alike: where half of
        the customers ordered once, all of them have frequency score 1, and nobody has the scores that the tie has swallowed.
        """
        above = {axis: _cuts_below(axis, self.cuts[axis]) for axis in AXES}
        place = (4 - above["recency"]) * 25 + above["frequency"] * 5 + above["monetary"]
        return F.element_at(F.array(*map(F.lit, self.table)), (place + 1).cast("int"))


def _cuts_below(axis: str, cuts: tuple[float, ...]) -> Column:
    return sum(((F.col(axis).cast("double") > F.lit(cut)).cast("int") for cut in cuts), F.lit(0))


def fit_rfm(buyers: DataFrame, rules: Rules, sample: int) -> RfmModel:
    """The quintiles of at least one customer who has bought, of at most `sample` of them, the first by hash of the id; exact on these."""
    drawn = buyers.select("customer_id", *AXES).orderBy(F.xxhash64("customer_id"), "customer_id").limit(sample)
    found = drawn.agg(*(F.percentile(F.col(axis).cast("double"), list(_QUANTILES)).alias(axis) for axis in AXES)).collect()[0]
    return RfmModel({axis: tuple(float(cut) for cut in found[axis]) for axis in AXES}, rules.table)
