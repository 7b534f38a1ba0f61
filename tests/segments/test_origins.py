"""Months of origin, border customers, and where the rules put a segment's customers."""

import datetime

import pytest
from pyspark.sql import SparkSession

from coterie.segments.origins import border_customers, months_of_origin, rule_overlap

DAY = datetime.date(2024, 3, 31)


def test_the_border_is_where_confidence_is_least_and_rules_have_none(spark: SparkSession) -> None:
    rows = [("chosen", 1, name, sure) for name, sure in (("c", 0.1), ("b", 0.1), ("a", 0.9))] + [("rfm_rules", 1, "a", None)]
    members = spark.createDataFrame(rows, "segmentation string, segment_id int, customer_id string, confidence double")
    assert [tuple(row) for row in border_customers(members, 2).collect()] == [("chosen", 1, ["b", "c"])]


def test_the_months_in_which_most_first_ordered_come_first(spark: SparkSession) -> None:
    rows = [("chosen", 1, DAY, days) for days in (0, 30, 31, 45, 59, 91, None)]  # March twice, February three times, December
    members = spark.createDataFrame(rows, "segmentation string, segment_id int, as_of date, days_since_first_order int")
    [found] = months_of_origin(members, 2).collect()
    assert [tuple(entry) for entry in found["months_of_origin"]] == [("2024-02", 3, pytest.approx(0.5)), ("2024-03", 2, pytest.approx(1 / 3))]


def test_the_rules_hold_a_segments_customers_the_most_first(spark: SparkSession) -> None:
    places = [("chosen", 1, "one", name) for name in "abc"] + [("rfm_rules", 5, "Loyal", "a"), ("rfm_rules", 5, "Loyal", "b"), ("rfm_rules", 7, "Lost", "c")]
    members = spark.createDataFrame(places, "segmentation string, segment_id int, segment_name string, customer_id string")
    found = {
        (row["segmentation"], row["segment_id"]): [tuple(entry)[:3] for entry in row["rfm_overlap"]] for row in rule_overlap(members, "rfm_rules").collect()
    }
    assert found == {("chosen", 1): [(5, "Loyal", 2), (7, "Lost", 1)], ("rfm_rules", 5): [(5, "Loyal", 2)], ("rfm_rules", 7): [(7, "Lost", 1)]}
