"""What each segment buys, by hand: six customers, two segments."""

import pytest
from market_rows import AS_OF, ago
from pyspark.sql import SparkSession

from coterie.recommend.segments import segment_lists
from coterie.schemas import SEGMENT_RECOMMENDATIONS

# Segment 0: ann, bob, cid; segment 1: dan, eve; nobody placed fay; gus bought nothing in the window.
SEGMENTS = [*((name, "chosen", 0) for name in ("ann", "bob", "cid")), *((name, "chosen", 1) for name in ("dan", "eve", "gus")), ("ann", "rfm_rules", 7)]
BOUGHT = [
    *(("ann", item, 0) for item in ("tea", "cup", "pan")), ("ann", "tea", 5), ("bob", "tea", 1), ("bob", "cup", 89), ("cid", "tea", 2), ("cid", "gone", 2),
    ("dan", "cup", 3), ("dan", "pan", 3), ("dan", "ale", 3), ("eve", "pan", 4), ("eve", "ale", 4), ("eve", "bun", 4), ("fay", "tea", 1), ("fay", "bun", 1),
    ("gus", "tea", 90), ("bob", "pan", 90),
]  # fmt: skip
# Buyers of the 90 days: ann, bob, cid, dan, eve, fay: six. tea 4 (ann, bob, cid, fay), cup 3 (ann, bob, dan), pan 3 (ann, dan, eve), ale 2, bun 2, gone 1.


@pytest.fixture(scope="module")
def found(spark: SparkSession) -> dict[tuple[str, int, str], list[tuple[str, float, int]]]:
    segments = spark.createDataFrame(SEGMENTS, "customer_id string, segmentation string, segment_id int")
    purchases = spark.createDataFrame([(who, item, ago(days)) for who, item, days in BOUGHT], "customer_id string, item_id string, purchased_on date")
    items = spark.createDataFrame([(item, item != "gone") for item in ("tea", "cup", "pan", "ale", "bun", "gone")], "item_id string, is_sellable boolean")
    rows = segment_lists(segments, purchases, items, AS_OF, window_days=90, count=3, min_support=2)
    assert rows.columns == SEGMENT_RECOMMENDATIONS.names
    lists: dict[tuple[str, int, str], list[tuple[str, float, int]]] = {}
    shop = {"tea": 4, "cup": 3, "pan": 3, "ale": 2, "bun": 2}
    for row in sorted(rows.collect(), key=lambda row: row["rank"]):
        of = lists.setdefault((row["segmentation"], row["segment_id"], row["list"]), [])
        assert (row["as_of"], row["rank"], row["shop_buyers"], row["shop_support"]) == (AS_OF, len(of) + 1, 6, shop[row["item_id"]])
        assert row["segment_buyers"] == {("chosen", 0): 3, ("chosen", 1): 2, ("rfm_rules", 7): 1}[row["segmentation"], row["segment_id"]]
        of.append((row["item_id"], pytest.approx(row["lift"]), row["support"]))
    return lists


def test_lift_is_the_share_of_the_segments_buyers_by_the_share_of_all(found: dict[tuple[str, int, str], list[tuple[str, float, int]]]) -> None:
    # tea: 3/3 by 4/6; cup: 2/3 by 3/6. pan is of one buyer only there.
    assert found["chosen", 0, "lift"] == [("tea", 3 / 2, 3), ("cup", 4 / 3, 2)]
    # ale: 2/2 by 2/6; pan: 2/2 by 3/6; bun has one buyer there.
    assert found["chosen", 1, "lift"] == [("ale", 3, 2), ("pan", 2, 2)]
    assert ("rfm_rules", 7, "lift") not in found  # one customer never makes two


def test_best_is_by_support_then_lift_then_item_and_cut(found: dict[tuple[str, int, str], list[tuple[str, float, int]]]) -> None:
    assert found["chosen", 0, "best"] == [("tea", 3 / 2, 3), ("cup", 4 / 3, 2), ("pan", 2 / 3, 1)]
    # One buyer each: bun 1/2 by 2/6 = 3/2, cup 1/2 by 3/6 = 1: no place is left for cup.
    assert found["chosen", 1, "best"] == [("ale", 3, 2), ("pan", 2, 2), ("bun", 3 / 2, 1)]
    # ann's: cup and pan have the lift 2, tea 3/2: cup before pan by name.
    assert found["rfm_rules", 7, "best"] == [("cup", 2, 1), ("pan", 2, 1), ("tea", 3 / 2, 1)]


def test_what_cannot_be_sold_is_in_no_list(found: dict[tuple[str, int, str], list[tuple[str, float, int]]]) -> None:
    assert "gone" not in {item for rows in found.values() for item, _, _ in rows}


def test_an_item_that_a_segment_buys_as_the_shop_does_is_not_lifted(spark: SparkSession) -> None:
    segments = spark.createDataFrame([("ann", "chosen", 0), ("bob", "chosen", 0)], "customer_id string, segmentation string, segment_id int")
    purchases = spark.createDataFrame([("ann", "tea", ago(0)), ("bob", "tea", ago(0))], "customer_id string, item_id string, purchased_on date")
    items = spark.createDataFrame([("tea", True)], "item_id string, is_sellable boolean")
    rows = segment_lists(segments, purchases, items, AS_OF, 90, 3, 1).collect()
    assert [(row["list"], row["item_id"], row["lift"]) for row in rows] == [("best", "tea", 1)]
    assert segment_lists(segments, purchases.limit(0), items, AS_OF, 90, 3, 1).count() == 0
