"""Trying and choosing: heaps whose number is known, customers who are all alike, and the real shop's figure."""

from pathlib import Path

import pandas as pd
import pytest
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from coterie.features.vector import Vectoriser
from coterie.segments.choice import Plan, chosen

PLAN = Plan("set", (2, 4), min_share=0.03, sample=1000, partitions=2)


def vectors(spark: SparkSession, points: list[list[float]]) -> DataFrame:
    rows = [(f"c{place:03}", point, place % 2) for place, point in enumerate(points)]
    frame = spark.createDataFrame(rows, "customer_id string, values array<double>, rule_segment int")
    return frame.select("customer_id", "rule_segment", array_to_vector(F.col("values")).alias("features"))


def test_three_heaps_are_found_and_every_candidate_is_measured(spark: SparkSession) -> None:
    points = [[10.0 * heap + 0.1 * step, float(step % 2)] for heap in range(3) for step in range(6)]
    model, candidates = chosen(vectors(spark, points), PLAN)
    assert model.clusters == 3
    by_name = {one.name: one for one in candidates}
    assert sorted(by_name) == ["set kmeans k=2", "set kmeans k=3", "set kmeans k=4", "set rfm_rules"]
    winner = by_name["set kmeans k=3"]
    assert [one.name for one in candidates if one.is_chosen] == [winner.name]
    assert winner.measures["smallest_share"] == winner.measures["largest_share"] == pytest.approx(1 / 3)
    # In each heap six points: x 0, .1, ..., .5 (variance .35 / 12), y 0 or 1 (variance .25).
    assert winner.measures["within_cluster_sum_of_squares"] == pytest.approx(18 * (0.35 / 12 + 0.25))
    assert {"silhouette", "davies_bouldin", "calinski_harabasz", "segments", "customers", "sample_customers"} <= set(winner.measures)
    assert by_name["set rfm_rules"].measures["largest_share"] == 0.5
    assert all(one.verdict for one in candidates)


@pytest.mark.parametrize("points", [[[1.0, 2.0]], [[1.0, 2.0]] * 5, [[], [], []], [[0.0], [9.0]]], ids=["one", "all alike", "no feature", "two"])
def test_customers_that_cannot_be_divided_are_one_segment(spark: SparkSession, points: list[list[float]]) -> None:
    model, candidates = chosen(vectors(spark, points), PLAN)
    assert model.clusters == 1
    assert [one.name for one in candidates if one.is_chosen] == ["set kmeans k=1"]
    assert [one.verdict for one in candidates if one.name == "set kmeans k=3"] == ["not tried: the customers are too few or too alike"]


def test_no_more_segments_are_tried_than_there_are_different_customers(spark: SparkSession) -> None:
    model, candidates = chosen(vectors(spark, [[0.0], [0.0], [5.0], [5.0], [9.0]]), Plan("set", (3, 5), min_share=0.03, sample=1000, partitions=2))
    assert model.clusters == 3
    assert {one.name: one.verdict for one in candidates}["set kmeans k=4"] == "not tried: the customers allow 3 segments at most"


def test_the_sample_bounds_what_is_measured_and_not_what_is_counted(spark: SparkSession) -> None:
    points = [[10.0 * heap + step] for heap in range(2) for step in range(10)]
    _, candidates = chosen(vectors(spark, points), Plan("set", (2, 2), min_share=0.03, sample=12, partitions=2))
    assert (candidates[0].measures["sample_customers"], candidates[0].measures["customers"]) == (12, 20)


def test_online_retail_reaches_the_silhouette_found_reachable(spark: SparkSession, data_folder: Path) -> None:
    lines = pd.concat([pd.read_csv(path, dtype=str) for path in sorted((data_folder / "online_retail" / "by-day").glob("*.csv"))])
    lines = lines.drop_duplicates().dropna(subset=["CustomerID"])
    lines["quantity"] = lines["Quantity"].astype(float)
    lines["revenue"] = lines["quantity"] * lines["UnitPrice"].astype(float)
    lines["day"] = pd.to_datetime(lines["InvoiceDate"]).dt.normalize()
    bought = lines[lines["quantity"] > 0].groupby("CustomerID")
    customers = pd.DataFrame({"recency": (lines["day"].max() - bought["day"].max()).dt.days, "frequency": bought["InvoiceNo"].nunique()})
    customers["monetary"] = lines.groupby("CustomerID")["revenue"].sum()
    frame = spark.createDataFrame(customers.reset_index(names="customer_id")).withColumn("rule_segment", F.lit(1))
    vectoriser = Vectoriser(columns=["recency", "frequency", "monetary"], transform="rank").fit(frame)
    model, candidates = chosen(vectoriser.transform(frame), Plan("rfm", (4, 4), min_share=0.03, sample=10_000, partitions=8))
    measures = candidates[0].measures
    assert model.clusters == 4
    assert measures["silhouette"] >= 0.35
    assert measures["smallest_share"] >= 0.03
