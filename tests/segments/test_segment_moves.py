"""Moves and flows between two dates."""

import datetime
from decimal import Decimal

import pytest
from pyspark.sql import DataFrame, SparkSession

from coterie.segments.moves import latest_revenue, segment_flows, segment_moves

BEFORE, NOW = datetime.date(2024, 3, 1), datetime.date(2024, 4, 1)


def segments(spark: SparkSession, places: dict[str, int]) -> DataFrame:
    rows = [("chosen", name, segment_id) for name, segment_id in places.items()]
    return spark.createDataFrame(rows, "segmentation string, customer_id string, segment_id int")


@pytest.fixture(scope="module")
def then(spark: SparkSession) -> DataFrame:
    return segments(spark, {"stays": 1, "grows": 2, "recast": 2, "first": 0, "gone": 2})


@pytest.fixture(scope="module")
def now(spark: SparkSession) -> DataFrame:
    return segments(spark, {"stays": 1, "grows": 1, "recast": 3, "first": 2, "new": 2})


def test_a_move_is_the_models_where_it_puts_the_earlier_customer_there_already(spark: SparkSession, now: DataFrame, then: DataFrame) -> None:
    restated = segments(spark, {"stays": 1, "grows": 2, "recast": 3, "first": 0, "gone": 2})
    rows = segment_moves(now, then, restated, NOW, BEFORE).orderBy("customer_id").collect()
    assert [(row["customer_id"], row["from_segment_id"], row["to_segment_id"], row["cause"]) for row in rows] == [
        ("first", 0, 2, "customer"),
        ("grows", 2, 1, "customer"),
        ("recast", 2, 3, "model"),
    ]
    assert {(row["as_of"], row["previous_as_of"], row["segmentation"]) for row in rows} == {(NOW, BEFORE, "chosen")}


def test_under_the_same_model_every_move_is_the_customers(now: DataFrame, then: DataFrame) -> None:
    rows = segment_moves(now, then, then.limit(0), NOW, BEFORE).collect()
    assert {row["cause"] for row in rows} == {"customer"}


def test_flows_hold_everyone_once_with_those_who_joined_left_and_stayed(spark: SparkSession, now: DataFrame, then: DataFrame) -> None:
    money = spark.createDataFrame([(name, Decimal(10)) for name in ("stays", "grows", "recast", "new", "gone")], "customer_id string, revenue decimal(28,4)")
    rows = segment_flows(now, then, money, money.limit(0).withColumnRenamed("revenue", "recent"), NOW, BEFORE).collect()
    found = {(row["from_segment_id"], row["to_segment_id"]): (row["customers"], row["revenue"]) for row in rows}
    ten, none = Decimal("10.0000"), Decimal("0.0000")
    assert found == {(1, 1): (1, ten), (2, 1): (1, ten), (2, 3): (1, ten), (0, 2): (1, none), (None, 2): (1, ten), (2, None): (1, ten)}


def test_at_stake_is_what_a_move_to_a_poorer_segment_costs_in_ninety_days(spark: SparkSession, now: DataFrame, then: DataFrame) -> None:
    recent = {"stays": 90, "grows": 30, "recast": 20, "gone": 10, "first": 0}  # means: segment 1 has 90, 2 has 20, 0 has nothing
    before = spark.createDataFrame([(name, Decimal(value)) for name, value in recent.items()], "customer_id string, recent decimal(28,4)")
    rows = segment_flows(now, then, before.selectExpr("customer_id", "recent as revenue"), before, NOW, BEFORE).collect()
    found = {(row["from_segment_id"], row["to_segment_id"]): row["revenue_at_stake"] for row in rows}
    assert found == {(1, 1): 0, (2, 1): -70, (2, 3): None, (0, 2): -20, (None, 2): None, (2, None): 20}


def test_revenue_is_the_later_dates_and_the_earlier_ones_for_who_left(spark: SparkSession) -> None:
    schema = "customer_id string, monetary decimal(28,4)"
    later = spark.createDataFrame([("stays", Decimal(9)), ("unknown", None)], schema)
    earlier = spark.createDataFrame([("stays", Decimal(5)), ("gone", Decimal(3))], schema)
    found = {row["customer_id"]: row["revenue"] for row in latest_revenue(later, earlier).collect()}
    assert found == {"stays": Decimal("9.0000"), "unknown": Decimal("0.0000"), "gone": Decimal("3.0000")}
