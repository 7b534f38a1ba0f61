"""Which days changed, whose totals still hold, whose cancels are matched anew."""

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from shop_rows import cancellations, day, event, events, pair

from coterie.features.activity import daily_activity
from coterie.features.touched import customers_to_match, fresh_states, touched_days


def feed(spark: SparkSession, *changes: tuple[str, dict[str, Any]]) -> DataFrame:
    kinds = F.create_map(*(F.lit(part) for number, (kind, _) in enumerate(changes) for part in (str(number), kind)))
    rows = events(spark, *({**row, "text": str(number)} for number, (_, row) in enumerate(changes)))
    return rows.withColumn("_change_type", kinds[F.col("text")]).withColumn("text", F.lit(None).cast("string"))


def test_a_day_is_touched_by_what_came_went_or_changed_and_not_by_what_came_back(spark: SparkSession) -> None:
    moved, again, other_file = event("c", "2020-01-03"), event("d", "2020-01-04"), event("e", "2020-01-05")
    changes = feed(
        spark,
        ("insert", event("a", "2020-01-01")),
        ("insert", event("a", "2020-01-01")),
        ("delete", event("b", "2020-01-02")),
        ("update_preimage", moved),
        ("update_postimage", {**moved, "event_date": day("2020-02-03"), "event_month": "2020-02"}),
        ("delete", again),
        ("insert", again),
        ("update_preimage", other_file),
        ("update_postimage", {**other_file, "source_files": ["f", "g"]}),
        ("insert", event(None, "2020-01-09")),
    )
    found = sorted((row["customer_id"], str(row["activity_date"])) for row in touched_days(changes).collect())
    assert found == [("a", "2020-01-01"), ("b", "2020-01-02"), ("c", "2020-01-03"), ("c", "2020-02-03")]
    all_of_them = {(row["customer_id"], str(row["activity_date"])) for row in touched_days(changes, is_net=False).collect()}
    assert all_of_them == {*found, ("d", "2020-01-04"), ("e", "2020-01-05")}


@pytest.fixture(scope="module")
def touched(spark: SparkSession) -> DataFrame:
    rows = [("a", day("2020-01-05")), ("a", day("2020-01-07")), ("b", day("2020-01-09"))]
    return spark.createDataFrame(rows, "customer_id string, activity_date date")


def test_totals_hold_up_to_the_day_before_the_first_touched_one(spark: SparkSession, touched: DataFrame) -> None:
    days = [day(text) for text in ("2020-01-04", "2020-01-05", "2020-01-08")]
    state = spark.createDataFrame([(on, customer) for on in days for customer in "abc"], "as_of date, customer_id string")
    found = sorted((row["customer_id"], row["as_of"].day) for row in fresh_states(state, touched).collect())
    assert found == [("a", 4), ("b", 4), ("b", 5), ("b", 8), ("c", 4), ("c", 5), ("c", 8)]


def test_cancels_are_matched_anew_for_touched_customers_with_one_from_the_touched_day_on(spark: SparkSession, touched: DataFrame) -> None:
    days = daily_activity(
        events(spark, event("a", "2020-01-04", "cancel"), event("b", "2020-01-10", "cancel"), event("c", "2020-01-10", "cancel")), "UTC"
    )
    gone = cancellations(spark, pair("a", "2020-01-01", "2020-01-06"), pair("c", "2020-01-01", "2020-01-06"))
    assert sorted(row[0] for row in customers_to_match(days, gone, touched).collect()) == ["a", "b"]
    assert sorted(row[0] for row in customers_to_match(days, gone.limit(0), touched).collect()) == ["b"]
