"""What a segment buys, as shares of the categories that have images: what its images are drawn of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


@dataclass(frozen=True)
class Mix:
    """Shares of categories, adding up to 1. `source`: segment (what it buys), shop (what everyone buys), or uniform (neither is known)."""

    shares: Mapping[str, float]
    source: str


def category_purchases(segments: DataFrame, purchases: DataFrame, items: DataFrame, names: Mapping[str, str]) -> DataFrame:
    """(segmentation, segment_id, category, buyers bigint): customers of each segment who bought in a category.

    segments: (segmentation, segment_id, customer_id); purchases: (customer_id, item_id); items: (item_id, category). names: the images' name
    for the shop's category, where it differs. Items without a category count nowhere.
    """
    known = F.create_map(*(F.lit(part) for pair in sorted(names.items()) for part in pair)) if names else None
    category = F.coalesce(known[F.col("category")], F.col("category")) if known is not None else F.col("category")
    named = items.where(F.col("category").isNotNull()).select("item_id", category.alias("category"))
    bought = purchases.join(named, on="item_id", how="inner").groupBy("customer_id", "category").agg(F.count(F.lit(1)).alias("_lines"))
    joined = bought.join(segments.select("segmentation", "segment_id", "customer_id"), on="customer_id", how="inner")
    return joined.groupBy("segmentation", "segment_id", "category").agg(F.count_distinct("customer_id").alias("buyers"))


def mixes(buyers: Mapping[int, Mapping[str, int]], segments: Sequence[int], categories: Sequence[str]) -> dict[int, Mix]:
    """The mix of each segment of one segmentation. buyers: by segment and category, as `category_purchases` counts them.

    A category weighs what the segment buys of it (its share p of the segment's buyers over the categories with images) times its lift: p
    over the shop's share. So a segment is shown what it buys much, and of that rather what sets it apart.
    """
    known = {segment: {name: count for name, count in buyers.get(segment, {}).items() if name in categories and count > 0} for segment in segments}
    shop: dict[str, int] = {}
    for counts in known.values():
        for name, count in counts.items():
            shop[name] = shop.get(name, 0) + count
    everyone = Mix(_shares(shop), "shop") if shop else Mix(_shares(dict.fromkeys(categories, 1)), "uniform")
    found = {}
    for segment, counts in known.items():
        own, all_of = _shares(counts), everyone.shares
        found[segment] = Mix(_shares({name: share * share / all_of[name] for name, share in own.items()}), "segment") if own else everyone
    return found


def apportioned(shares: Mapping[str, float], count: int) -> dict[str, int]:
    """`count` images by the shares, whole numbers by largest remainder (then share, then name); categories without any are left out."""
    whole = {name: int(share * count + 1e-9) for name, share in shares.items()}
    rest = sorted(shares, key=lambda name: (-(round(shares[name] * count, 9) % 1), -shares[name], name))
    for name in rest[: count - sum(whole.values())]:
        whole[name] += 1
    return {name: number for name, number in sorted(whole.items(), key=lambda pair: (-pair[1], pair[0])) if number}


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights[name] for name in sorted(weights))
    return {name: weights[name] / total for name in sorted(weights)} if total else {}
