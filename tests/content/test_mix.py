"""What a segment's images are drawn of."""

import pytest
from pyspark.sql import SparkSession

from coterie.content.launch import require
from coterie.content.mix import apportioned, category_purchases, mixes
from coterie.errors import UserError


def test_a_category_weighs_its_share_times_its_lift() -> None:
    """Segment 1: bags 3/4, coats 1/4; the shop: bags 4/8, coats 4/8. Weights 9/8 and 1/8, so shares .9 and .1."""
    found = mixes({1: {"bags": 3, "coats": 1}, 2: {"bags": 1, "coats": 3}}, [1, 2], ["bags", "coats"])
    assert found[1].source == "segment"
    assert found[1].shares == pytest.approx({"bags": 0.9, "coats": 0.1})
    assert found[2].shares == pytest.approx({"bags": 0.1, "coats": 0.9})


def test_a_segment_that_buys_nothing_with_images_gets_the_shops_mix() -> None:
    found = mixes({1: {"bags": 3, "coats": 1, "books": 9}, 2: {"books": 5}}, [1, 2, 3], ["bags", "coats"])
    assert [(found[segment].source, found[segment].shares) for segment in (2, 3)] == [("shop", {"bags": 0.75, "coats": 0.25})] * 2


def test_a_shop_without_categories_is_drawn_evenly() -> None:
    found = mixes({}, [0, 1], ["bags", "coats"])
    assert {(mix.source, *mix.shares.items()) for mix in found.values()} == {("uniform", ("bags", 0.5), ("coats", 0.5))}


def test_images_are_apportioned_by_largest_remainder() -> None:
    """Of 10: 5.5, 2.5 and 2 are 5, 2 and 2 whole; one is left, and of two equal remainders the larger share takes it."""
    assert apportioned({"a": 0.25, "b": 0.55, "c": 0.2}, 10) == {"b": 6, "a": 2, "c": 2}
    assert apportioned({"a": 0.01, "b": 0.99}, 10) == {"b": 10}
    assert apportioned({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, 10) == {"a": 4, "b": 3, "c": 3}


def test_buyers_are_counted_once_a_category_by_the_images_name(spark: SparkSession) -> None:
    placed = [("chosen", 1, "anna"), ("chosen", 1, "bert"), ("chosen", 2, "carl")]
    segments = spark.createDataFrame(placed, "segmentation string, segment_id int, customer_id string")
    purchases = spark.createDataFrame([("anna", "i1"), ("anna", "i2"), ("bert", "i1"), ("carl", "i3"), ("carl", "i4")], "customer_id string, item_id string")
    items = spark.createDataFrame([("i1", "Handbags"), ("i2", "Handbags"), ("i3", "Coat"), ("i4", None)], "item_id string, category string")
    counted = category_purchases(segments, purchases, items, {"Handbags": "Bag"}).orderBy("segment_id").collect()
    assert [tuple(row) for row in counted] == [("chosen", 1, "Bag", 2), ("chosen", 2, "Coat", 1)]


def test_a_package_of_the_extra_that_is_missing_is_named_with_the_extra() -> None:
    with pytest.raises(UserError, match=r"no_such_torch is not installed; .* pip install 'coterie\[content\]'"):
        require("json", "no_such_torch")
