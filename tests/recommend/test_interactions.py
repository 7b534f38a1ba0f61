import math

import pytest
from market_rows import AS_OF, ago, cancellations, item_days, items, met
from pyspark.sql import SparkSession

from coterie.recommend.interactions import effective_purchases, learnable, offered_items, pairs

WEIGHTS = {"view": 1.0, "purchase": 4.0}


def test_strengths_decay_and_know_cancels_returns_and_the_date(spark: SparkSession) -> None:
    days = item_days(
        spark,
        met("ann", "fresh", 0, purchases=1),
        met("ann", "aged", 30, purchases=1),
        met("ann", "aged", 0, view_count=3),
        met("bob", "later", -1, purchases=1),  # the day after
        met("bob", "ancient", 100, purchases=1),
        met("bob", "undone", 5, purchases=1, back=1),
        met("bob", "half", 0, purchases=1, units=4, back=2),
        met("cid", "returned", 3, purchases=1, back=1),
        met("cid", "undone tomorrow", 0, purchases=1),
        met("cid", "given back twice", 1, back=2),
    )
    undone = cancellations(spark, ("bob", "undone", 5, 5), ("cid", "undone tomorrow", 0, -1))
    found = {row["item_id"]: row for row in pairs(days, undone, AS_OF, WEIGHTS, 30, 100).collect()}
    weights = {item: math.expm1(row["strength"]) for item, row in found.items()}
    assert weights == pytest.approx(
        {
            "fresh": 4, "aged": 2 + 3, "ancient": 0, "undone": 0, "half": 2, "returned": 0, "undone tomorrow": 4, "given back twice": 0,
        }
    )
    assert {item for item, row in found.items() if row["is_bought"]} == {"fresh", "aged", "ancient", "half", "returned", "undone tomorrow"}
    assert {item for item, row in found.items() if row["is_seen"]} == {item for item, row in found.items() if row["is_bought"]}
    learnt = learnable(pairs(days, undone, AS_OF, WEIGHTS, 30, 100))
    assert learnt.columns == ["customer_id", "item_id", "strength"]
    assert {row["item_id"] for row in learnt.collect()} == {"fresh", "aged", "half", "undone tomorrow"}


def test_purchases_count_until_the_day_they_are_cancelled(spark: SparkSession) -> None:
    days = item_days(spark, met("ann", "cup", 9, purchases=2), met("ann", "pan", 9, purchases=1), met("ann", "new", -1, purchases=1))
    undone = cancellations(spark, ("ann", "cup", 9, 4), ("ann", "pan", 9, 0))
    found = effective_purchases(days, undone, AS_OF)
    assert [tuple(row) for row in found.collect()] == [("ann", "cup", ago(9), 1, 1)]
    before = effective_purchases(days, undone, ago(1)).collect()
    assert {(row["item_id"], row["purchase_count"]) for row in before} == {("cup", 1), ("pan", 1)}


def test_items_are_offered_when_sold_or_listed_lately_and_not_withdrawn(spark: SparkSession) -> None:
    days = item_days(
        spark, met("ann", "sold", 90, purchases=1), met("ann", "sold long ago", 91, purchases=1), met("ann", "looked at", 1, view_count=1),
        met("ann", "withdrawn", 1, purchases=1), met("ann", "unlisted", 1, purchases=1), met("ann", "sold tomorrow", -1, purchases=1),
    )
    catalogue = items(
        spark, ("sold", "Sold", 400, True), ("sold long ago", None, 400, True), ("looked at", None, 400, True), ("withdrawn", None, 1, False),
        ("unlisted", None, None, True), ("sold tomorrow", None, -1, True), ("new", None, 90, True), ("never seen", None, None, True),
    )
    rows = offered_items(catalogue, days, AS_OF, 90).collect()
    assert len(rows) == 8
    assert {row["item_id"] for row in rows if row["is_sellable"]} == {"sold", "unlisted", "new"}
