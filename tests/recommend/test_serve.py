from market_rows import AS_OF
from pyspark.sql import DataFrame, SparkSession

from coterie.recommend.serve import filled, recommendations, with_repeats_named

OFFER = "customer_id string, keep_seen boolean, rank int, item_id string, score double, reason string, source string, model_id string"


def offer(spark: SparkSession, source: str, *lists: tuple[str, str]) -> DataFrame:
    rows = [(customer, True, rank, item, 1.0 / rank, "why", source, source[0]) for customer, items in lists for rank, item in enumerate(items, 1)]
    return spark.createDataFrame(rows, OFFER)


def test_lists_are_filled_up_without_gaps_or_repeats_and_cut(spark: SparkSession) -> None:
    offered = {"als": offer(spark, "als", ("ann", "b"), ("bob", "xyzw")), "popular": offer(spark, "popular", ("ann", "abc"), ("bob", "abc"), ("new", "abc"))}
    found = sorted(filled(offered, "popular", 3, ["als", "popular"]).collect(), key=lambda row: (row["list"], row["customer_id"], row["rank"]))
    lines = [(row["list"], row["customer_id"], row["rank"], row["item_id"], row["source"], row["model_id"]) for row in found]
    assert lines == [
        ("als", "ann", 1, "b", "als", "a"), ("als", "ann", 2, "a", "popular", "p"), ("als", "ann", 3, "c", "popular", "p"),
        *(("als", "bob", rank, item, "als", "a") for rank, item in enumerate("xyz", 1)),
        *(("als", "new", rank, item, "popular", "p") for rank, item in enumerate("abc", 1)),
        *(("popular", name, rank, item, "popular", "p") for name in ("ann", "bob", "new") for rank, item in enumerate("abc", 1)),
    ]


def test_an_item_had_before_is_named_a_repeat(spark: SparkSession) -> None:
    served = filled({"popular": offer(spark, "popular", ("ann", "ab"))}, "popular", 2, ["popular"])
    pairs = spark.createDataFrame([("ann", "a", True), ("ann", "b", False)], "customer_id string, item_id string, is_seen boolean")
    found = sorted(recommendations(with_repeats_named(served, pairs), AS_OF).collect(), key=lambda row: row["rank"])
    assert [(row["as_of"], row["item_id"], row["source"], row["reason"]) for row in found] == [
        (AS_OF, "a", "repeat", "you have bought it before"), (AS_OF, "b", "popular", "why"),
    ]
