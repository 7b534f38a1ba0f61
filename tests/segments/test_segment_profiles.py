"""Profiles: moments, traits, typical customers, favourite categories."""

from decimal import Decimal

import pytest
from pyspark.sql import Row, SparkSession

from coterie.segments.profiles import favourite_categories, typical_customers
from coterie.segments.statistics import Trait, feature_moments, numeric_features, portraits, shop_means

MEMBERS = "segmentation string, segment_id int, customer_id string, distance double, recency int, frequency int, monetary decimal(28,4)"


def moments(segment_id: int, feature: str, size: int, count: int, mean: float | None, variance: float | None, revenue: int = 0) -> Row:
    return Row(
        segmentation="chosen", segment_id=segment_id, feature=feature, size=size, revenue=Decimal(revenue), count=count, mean=mean, variance=variance
    )


def test_moments_leave_out_nulls_and_count_every_customer(spark: SparkSession) -> None:
    rows = [("chosen", 1, Decimal("1.5"), 2), ("chosen", 1, Decimal("2.5"), None), ("chosen", 1, None, 4), ("chosen", 2, None, None)]
    members = spark.createDataFrame(rows, "segmentation string, segment_id int, monetary decimal(28,4), frequency bigint")
    found = {(row["segment_id"], row["feature"]): row for row in feature_moments(members, ["monetary", "frequency"]).collect()}
    orders, money, none = found[1, "frequency"], found[1, "monetary"], found[2, "frequency"]
    assert (orders["size"], orders["count"], orders["mean"], orders["variance"]) == (3, 2, 3.0, 1.0)
    assert (money["revenue"], money["count"], money["mean"], money["variance"]) == (Decimal("4.0000"), 2, 2.0, 0.25)
    assert (none["size"], none["count"], none["mean"], none["revenue"]) == (1, 0, None, Decimal("0.0000"))


def test_a_trait_is_the_difference_from_the_shop_in_the_shops_standard_deviations() -> None:
    # Ten customers at 1, ten at 5, no spread within: the shop's mean is 3, its standard deviation 2.
    found = portraits([moments(1, "views", 10, 10, 1.0, 0.0), moments(2, "views", 10, 10, 5.0, 0.0)], 5)
    assert [one.traits for one in found] == [[Trait("views", -1.0, None, 1.0, 3.0)], [Trait("views", 1.0, None, 5.0, 3.0)]]
    assert [one.traits[0].direction for one in found] == ["less", "more"]


def test_the_effect_is_cohens_d_against_all_others() -> None:
    # Means 1 against 4 in standard deviations within of 1.5; the others are 30 at 4 on average.
    rows = [moments(1, "views", 10, 10, 1.0, 2.25), moments(2, "views", 10, 10, 3.0, 2.25), moments(3, "views", 20, 20, 4.5, 2.25)]
    first = portraits(rows, 5)[0].traits[0]
    within = (10 * 2.25 + 30 * 2.25 + 10 * 1.0 + 20 * 0.25) / 40  # the others' own means lie apart too
    assert first.effect == pytest.approx(-3 / within**0.5, abs=1e-4)


def test_the_effect_of_who_has_not_bought_is_against_all_who_have() -> None:
    # 600 at 5, variance 4; 1,000 at 50, variance 100: (5 - 50) / sqrt((600 x 4 + 1000 x 100) / 1600).
    rows = [moments(0, "views", 600, 600, 5.0, 4.0), moments(1, "views", 1000, 1000, 50.0, 100.0)]
    [trait] = portraits(rows, 5)[0].traits
    assert trait.effect == pytest.approx(-45 / (102_400 / 1600) ** 0.5, abs=1e-4)


def test_the_strongest_traits_come_first_and_weak_or_constant_features_are_none() -> None:
    rows = [
        *(moments(segment, "same", 10, 10, 7.0, 0.0) for segment in (1, 2)),
        *(moments(segment, "weak", 10, 10, mean, 1.0) for segment, mean in ((1, 0.05), (2, -0.05))),
        *(moments(segment, name, 10, 10, mean, 3.0) for segment, mean in ((1, 1.0), (2, -1.0)) for name in ("b", "a")),
        *(moments(segment, "strong", 10, 10, mean, 0.0) for segment, mean in ((1, 4.0), (2, 2.0))),
        moments(1, "unseen", 10, 0, None, None),
        moments(2, "unseen", 10, 10, 1.0, 1.0),
    ]
    assert [trait.feature for trait in portraits(rows, 5)[0].traits] == ["strong", "a", "b"]
    assert [trait.feature for trait in portraits(rows, 2)[0].traits] == ["strong", "a"]


def test_shares_are_of_those_who_have_bought_and_revenue_is_of_all() -> None:
    rows = [moments(0, "views", 5, 5, 2.0, 0.0, -100), moments(1, "views", 30, 30, 3.0, 0.0, 900), moments(2, "views", 10, 10, 3.0, 0.0, 200)]
    found = portraits(rows, 5)
    assert [(one.segment_id, one.size, one.share, one.revenue_share) for one in found] == [(0, 5, None, -0.1), (1, 30, 0.75, 0.9), (2, 10, 0.25, 0.2)]


def test_a_shop_without_revenue_has_no_revenue_shares() -> None:
    assert [one.revenue_share for one in portraits([moments(0, "views", 5, 5, 2.0, 0.0)], 5)] == [None]


def test_the_shops_means_weigh_segments_by_their_customers() -> None:
    groups = ((0, 99, 99.0), (1, 30, 1.0), (2, 10, 5.0))
    rows = [moments(segment, name, size, size, mean, 0.0) for segment, size, mean in groups for name in ("recency", "frequency")]
    assert shop_means(portraits(rows, 5)) == {"recency": 2.0, "frequency": 2.0, "monetary": 0.0}


def test_the_features_that_describe_are_the_catalogues_numbers() -> None:
    names = numeric_features()
    assert {"recency", "frequency", "monetary"} <= set(names)
    assert not {"favourite_category", "country", "joined_on"} & set(names)


def test_typical_customers_are_the_nearest_to_the_centre_then_by_id(spark: SparkSession) -> None:
    rows = [("chosen", 1, name, distance, 1, 1, None) for name, distance in (("d", 0.1), ("c", 0.1), ("b", 0.5), ("a", 0.9))]
    members = spark.createDataFrame(rows, MEMBERS)
    assert [row["typical_customers"] for row in typical_customers(members, 3).collect()] == [["c", "d", "b"]]


def test_where_a_rule_decided_typical_is_near_the_mean_and_segment_0_goes_by_id(spark: SparkSession) -> None:
    rows = [("rules", 1, name, None, 5, orders, Decimal(10)) for name, orders in (("a", 1), ("b", 5), ("c", 9), ("d", 6))]
    rows += [("rules", 0, name, None, None, None, None) for name in ("z", "y")]
    members = spark.createDataFrame(rows, MEMBERS)
    found = {row["segment_id"]: row["typical_customers"] for row in typical_customers(members, 3).collect()}
    assert found == {1: ["b", "d", "c"], 0: ["y", "z"]}  # mean orders 5.25: off by .25, .75, 3.75, 4.25


def test_favourite_categories_are_those_favoured_more_than_in_the_shop(spark: SparkSession) -> None:
    counts = {(1, "tea"): 6, (1, "cups"): 2, (2, "tea"): 2, (2, "cups"): 5, (2, "rare"): 1}
    rows = [("chosen", segment, category) for (segment, category), count in counts.items() for _ in range(count)] + [("chosen", 2, None)]
    members = spark.createDataFrame(rows, "segmentation string, segment_id int, favourite_category string")
    found = {row["segment_id"]: [tuple(entry) for entry in row["favourite_categories"]] for row in favourite_categories(members, 5, 2).collect()}
    # Of 16 with a favourite, 8 favour tea and 7 cups; each segment has 8 of them.
    assert found == {1: [("tea", 1.5, 6)], 2: [("cups", pytest.approx(10 / 7, abs=1e-6), 5)]}
    every = {row["segment_id"]: [entry["category"] for entry in row["favourite_categories"]] for row in favourite_categories(members, 1, 1).collect()}
    assert every == {1: ["tea"], 2: ["rare"]}  # rare: lift 2, of one customer
