"""What the customers of each segment are like, feature by feature, and what sets a segment apart from the shop."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from coterie.catalogue import FEATURES
from coterie.segments.placing import NOT_BOUGHT, SEGMENT

_HOW = ("count", "mean", "variance")
_MOMENTS = [*SEGMENT, "feature", "size", "revenue", *_HOW]
_MOMENTS_DDL = "segmentation string, segment_id int, feature string, size bigint, revenue decimal(28,4), count bigint, mean double, variance double"
_NUMERIC = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")


@dataclass(frozen=True)
class Moments:
    """Customers with a value, their mean and population variance."""

    count: int
    mean: float
    variance: float


@dataclass(frozen=True)
class Trait:
    """A feature that sets a segment apart. `strength`: how far its mean lies above the shop's, in the shop's standard deviations. `effect`:
    Cohen's d against all other customers, the difference of means in pooled standard deviations (Cohen 1988); None where nobody else has a value."""

    feature: str
    strength: float
    effect: float | None
    segment_mean: float
    shop_mean: float

    @property
    def direction(self) -> str:
        return "more" if self.strength > 0 else "less"


@dataclass(frozen=True)
class Portrait:
    """A segment in numbers. `share`: of the clustered customers, None for who has not bought; `revenue_share`: None where the shop has none."""

    segmentation: str
    segment_id: int
    size: int
    share: float | None
    revenue: Decimal
    revenue_share: float | None
    means: Mapping[str, float]
    traits: Sequence[Trait] = field(default=())

    def row(self) -> dict[str, Any]:
        """The columns of `segment_profiles` that a portrait knows."""
        traits = [(trait.feature, trait.direction, trait.strength, trait.effect, trait.segment_mean, trait.shop_mean) for trait in self.traits]
        names = ("segmentation", "segment_id", "size", "share", "revenue", "revenue_share")
        return {**{name: getattr(self, name) for name in names}, "traits": traits}


def numeric_features() -> list[str]:
    """The catalogue's features that are numbers, in its order."""
    return [feature.name for feature in FEATURES if feature.type.partition("(")[0] in _NUMERIC]


def feature_moments(members: DataFrame, features: Sequence[str]) -> DataFrame:
    """Rows of customer_features with segmentation and segment_id -> a row a segmentation, segment and feature:

    size (customers), revenue (their monetary added up, decimal), and count, mean, variance of the feature where it is not null. They are found
    batch by batch and put together: the variance of all is the mean of those of the batches and of the squared ways from their means to that of
    all, weighed by count (Chan, Golub & LeVeque 1979).
    """
    numbers = [F.col(name).cast("double").alias(name) for name in features]
    exact = F.coalesce(F.col("monetary"), F.lit(0)).cast("decimal(28,4)").alias("exact")
    parts = members.select(*SEGMENT, exact, *numbers).mapInArrow(partial(_moments, features=features), _MOMENTS_DDL)
    same, total = Window.partitionBy(*SEGMENT, "feature"), F.nullif(F.sum("count"), F.lit(0))
    middle = F.sum(F.col("count") * F.col("mean")).over(same) / F.nullif(F.sum("count").over(same), F.lit(0))
    spread = F.col("count") * (F.col("variance") + F.pow(F.col("mean") - F.col("middle"), F.lit(2)))
    return (
        parts.withColumn("middle", middle)
        .groupBy(*SEGMENT, "feature")
        .agg(
            F.sum("size").alias("size"),
            F.sum("revenue").cast("decimal(28,4)").alias("revenue"),
            F.sum("count").alias("count"),
            F.first("middle").alias("mean"),
            (F.sum(spread) / total).alias("variance"),
        )
    )


def _moments(batches: Iterable[pa.RecordBatch], features: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """(segmentation, segment_id, exact, the features) -> each batch's sums and moments."""
    for batch in batches:
        asked = [("exact", "count"), ("exact", "sum"), *((name, how) for name in features for how in _HOW)]
        found = pa.Table.from_batches([batch]).group_by(SEGMENT, use_threads=False).aggregate(asked)
        beside = [found["exact_count"], found["exact_sum"].cast(pa.decimal128(28, 4))]
        by_feature = [
            pa.table([*found.select(SEGMENT).columns, pa.repeat(name, len(found)), *beside, *(found[f"{name}_{how}"] for how in _HOW)], _MOMENTS)
            for name in features
        ]
        yield from pa.concat_tables(by_feature).combine_chunks().to_batches()


def portraits(rows: Iterable[Row], most_traits: int) -> list[Portrait]:
    """The rows of `feature_moments` -> a portrait a segment, ordered by segmentation and id.

    The shop that traits are measured against are the customers who have bought; where nobody has, there are no traits.
    """
    grouped: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row["segmentation"], row["segment_id"]), []).append(row)
    found = []
    for (segmentation, segment_id), own in sorted(grouped.items()):
        peers = [group for (name, _), group in grouped.items() if name == segmentation]
        clustered = {key: group for key, group in grouped.items() if key[0] == segmentation and key[1] != NOT_BOUGHT}
        shop = _pooled(row for group in clustered.values() for row in group)
        sizes, total = sum(group[0]["size"] for group in clustered.values()), sum(group[0]["revenue"] for group in peers)
        found.append(
            Portrait(
                segmentation,
                segment_id,
                own[0]["size"],
                own[0]["size"] / sizes if segment_id != NOT_BOUGHT else None,
                own[0]["revenue"],
                float(own[0]["revenue"] / total) if total > 0 else None,
                {row["feature"]: row["mean"] for row in own if row["count"]},
                _traits(own, shop, most_traits, segment_id != NOT_BOUGHT),
            )
        )
    return found


def shop_means(found: Iterable[Portrait]) -> dict[str, float]:
    """Means over the customers who have bought of recency, frequency and monetary, from the portraits of one segmentation."""
    clustered = [portrait for portrait in found if portrait.segment_id != NOT_BOUGHT]
    everyone = sum(portrait.size for portrait in clustered)
    names = ("recency", "frequency", "monetary")
    return {name: math.fsum(one.means.get(name, 0.0) * one.size for one in clustered) / everyone for name in names} if everyone else {}


def _pooled(rows: Iterable[Row]) -> dict[str, Moments]:
    """Moments of the segments together, feature by feature: the variance within and that of the means."""
    parts: dict[str, list[Moments]] = {}
    for row in rows:
        if row["count"]:
            parts.setdefault(row["feature"], []).append(Moments(row["count"], row["mean"], row["variance"]))
    pooled = {}
    for name, found in parts.items():
        count = sum(part.count for part in found)
        mean = math.fsum(part.count * part.mean for part in found) / count
        variance = math.fsum(part.count * (part.variance + (part.mean - mean) ** 2) for part in found) / count
        pooled[name] = Moments(count, mean, variance)
    return pooled


def _traits(rows: Iterable[Row], shop: Mapping[str, Moments], most: int, is_of_shop: bool) -> list[Trait]:
    """The strongest differences from the shop, by strength and then by name; rounded, so that a sum's last digits order nothing.

    is_of_shop: the rows are of customers who count in the shop's moments.

    A difference below a tenth of a standard deviation sets nobody apart.
    """
    found = []
    for row in rows:
        moments = shop.get(row["feature"])
        if moments is None or not row["count"] or moments.variance <= 1e-12 * max(1.0, moments.mean**2):
            continue
        strength = round((row["mean"] - moments.mean) / math.sqrt(moments.variance), 4)
        if abs(strength) >= 0.1:
            found.append(Trait(row["feature"], strength, _effect(row, moments, is_of_shop), _rounded(row["mean"]), _rounded(moments.mean)))
    return sorted(found, key=lambda trait: (-abs(trait.strength), trait.feature))[:most]


def _effect(row: Row, shop: Moments, is_of_shop: bool) -> float | None:
    """From the segment's and the shop's moments: the others' sums are what the segment's leave of the shop's, all of them where it is no part."""
    inside, taken = row["count"], row["count"] if is_of_shop else 0
    outside = shop.count - taken
    if not outside:
        return None
    mean = (shop.count * shop.mean - taken * row["mean"]) / outside
    squares = shop.count * (shop.variance + shop.mean**2) - taken * (row["variance"] + row["mean"] ** 2)
    within = inside * row["variance"] + max(squares - outside * mean**2, 0.0)
    return round((row["mean"] - mean) / math.sqrt(within / (inside + outside)), 4) if within > 0 else None


def _rounded(value: float) -> float:
    """Nine significant digits."""
    return float(f"{value:.9g}")
