"""One suite for every method in METHODS: what `fit`, `assign`, saving and loading promise."""

import pytest
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from coterie.segments.methods import METHODS, ClusterModel, assign, cluster_totals, laid_out

# Two heaps: around (0, 0) and around (10, 10).
POINTS = [("a", 0.0, 0.0), ("b", 1.0, 0.0), ("c", 0.0, 1.0), ("d", 10.0, 10.0), ("e", 11.0, 10.0), ("f", 10.0, 11.0), ("g", 11.0, 11.0)]


def vectors(spark: SparkSession, points: list[tuple[str, float, float]]) -> DataFrame:
    frame = spark.createDataFrame(points, "customer_id string, x double, y double")
    return frame.select("customer_id", array_to_vector(F.array("x", "y")).alias("features"))


@pytest.fixture(scope="module", params=sorted(METHODS))
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(spark: SparkSession, method: str) -> ClusterModel:
    return METHODS[method].make(2, 1, 20, 2).fit(laid_out(vectors(spark, POINTS), 2))


def clusters_of(model: ClusterModel, frame: DataFrame) -> dict[str, int]:
    return {row["customer_id"]: row["cluster"] for row in assign(model, frame).collect()}


def test_customers_of_one_heap_share_a_cluster_and_heaps_do_not(spark: SparkSession, model: ClusterModel) -> None:
    found = clusters_of(model, vectors(spark, POINTS))
    assert found["a"] == found["b"] == found["c"]
    assert found["d"] == found["e"] == found["f"] == found["g"]
    assert {found["a"], found["d"]} == {0, 1}


def test_customers_not_seen_in_the_fit_are_assigned_with_confidence_and_distance(spark: SparkSession, model: ClusterModel) -> None:
    frame = assign(model, vectors(spark, [("near", 0.2, 0.2), ("between", 5.2, 5.2), ("far", 500.0, 500.0)]))
    assert frame.dtypes == [("customer_id", "string"), ("cluster", "int"), ("confidence", "double"), ("distance", "double")]
    rows = {row["customer_id"]: row for row in frame.collect()}
    assert len(rows) == 3
    assert all(0 <= row["confidence"] <= 1 and row["distance"] >= 0 for row in rows.values())
    assert rows["near"]["confidence"] > 0.9 > rows["between"]["confidence"]
    assert rows["near"]["cluster"] != rows["far"]["cluster"]


def test_a_loaded_model_places_as_the_saved_one(method: str, model: ClusterModel) -> None:
    loaded = METHODS[method].load(model.to_json())
    assert loaded == model
    assert loaded.to_json() == model.to_json()


def test_the_same_customers_in_another_order_and_cut_give_the_same_model(spark: SparkSession, method: str, model: ClusterModel) -> None:
    shuffled = vectors(spark, POINTS[::-1]).repartition(5)
    assert METHODS[method].make(2, 1, 20, 2).fit(laid_out(shuffled, 2)) == model


def test_fewer_different_customers_than_segments_is_no_error(spark: SparkSession, method: str) -> None:
    points = [("a", 0.0, 0.0), ("b", 0.0, 0.0), ("c", 1.0, 1.0)]
    model = METHODS[method].make(5, 1, 20, 2).fit(laid_out(vectors(spark, points), 2))
    found = clusters_of(model, vectors(spark, points))
    assert found["a"] == found["b"] != found["c"]


def test_totals_count_each_models_customers_and_their_squared_distances(spark: SparkSession, model: ClusterModel) -> None:
    totals = cluster_totals({"it": model}, laid_out(vectors(spark, POINTS), 2)).collect()
    sizes: dict[int, int] = {}
    for row in totals:
        sizes[row["cluster"]] = sizes.get(row["cluster"], 0) + row["customers"]
    assert sorted(sizes.values()) == [3, 4]
    # Around (1/3, 1/3): 2/9 + 5/9 + 5/9; around (10.5, 10.5): four times 1/2.
    assert sum(row["squares"] for row in totals) == pytest.approx(12 / 9 + 2)
