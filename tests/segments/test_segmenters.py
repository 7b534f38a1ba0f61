"""One suite for every method in METHODS: what `tries`, `fit`, `assign`, saving and loading promise."""

import numpy as np
import pytest
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from coterie.segments.centres import CentresModel
from coterie.segments.consensus import try_consensus
from coterie.segments.effort import ClusterModel, Effort, Trial
from coterie.segments.hierarchy import HierarchyModel
from coterie.segments.methods import METHODS, assign, cluster_totals, laid_out
from coterie.segments.mixture import MixtureModel

EFFORT = Effort(seed=1, max_iterations=20, starts=2)
# Two heaps of 30: around (0, 0) and around (10, 10), not quite the same.
_STEPS = np.random.default_rng(7).normal(size=(60, 2)) * 0.5
POINTS = [(f"{'ab'[place % 2]}{place:02}", 10.0 * (place % 2) + x, 10.0 * (place % 2) + y) for place, (x, y) in enumerate(_STEPS.tolist())]
MATRIX = np.array([[x, y] for _, x, y in POINTS])


def vectors(spark: SparkSession, points: list[tuple[str, float, float]]) -> DataFrame:
    frame = spark.createDataFrame(points, "customer_id string, x double, y double")
    return frame.select("customer_id", array_to_vector(F.array("x", "y")).alias("features"))


def trial_of(method: str, matrix: np.ndarray) -> Trial:  # type: ignore[type-arg]
    """The trial with two clusters that stands first."""
    tries = METHODS[method].tries
    if tries is None:
        opinions = [trial_of(other, matrix) for other in ("kmeans", "hierarchical", "density_hills")]
        return try_consensus(matrix, opinions, [2], 1)[0]
    return next(iter(tries(matrix, [2], EFFORT)))


@pytest.fixture(scope="module", params=sorted(METHODS))
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(spark: SparkSession, method: str) -> ClusterModel:
    return fitted(spark, method, vectors(spark, POINTS))


def fitted(spark: SparkSession, method: str, frame: DataFrame) -> ClusterModel:
    trial = trial_of(method, MATRIX)
    return METHODS[method].fit(laid_out(frame, 2), trial.model, trial.parameters, EFFORT)


def clusters_of(model: ClusterModel, frame: DataFrame) -> dict[str, int]:
    return {row["customer_id"]: row["cluster"] for row in assign(model, frame).collect()}


def heaps(found: dict[str, int], noise: int | None) -> dict[str, set[int]]:
    return {heap: {cluster for name, cluster in found.items() if name[0] == heap and cluster != noise} for heap in "ab"}


def test_a_trial_tells_the_heaps_apart(method: str) -> None:
    trial = trial_of(method, MATRIX)
    found = heaps(dict(zip([name for name, _, _ in POINTS], trial.model.place(MATRIX).cluster.tolist(), strict=True)), trial.model.noise)
    assert {len(clusters) for clusters in found.values()} == {1}
    assert found["a"] != found["b"]


def test_customers_of_one_heap_share_a_cluster_and_heaps_do_not(spark: SparkSession, model: ClusterModel) -> None:
    found = heaps(clusters_of(model, vectors(spark, POINTS)), model.noise)
    assert {len(clusters) for clusters in found.values()} == {1}
    assert found["a"] != found["b"]


def test_customers_not_seen_in_the_fit_are_assigned_with_confidence_and_distance(spark: SparkSession, model: ClusterModel) -> None:
    frame = assign(model, vectors(spark, [("near", 0.1, 0.1), ("between", 5.0, 5.0), ("far", 500.0, 500.0)]))
    assert frame.dtypes == [("customer_id", "string"), ("cluster", "int"), ("confidence", "double"), ("distance", "double"), ("second", "int")]
    rows = {row["customer_id"]: row for row in frame.collect()}
    assert len(rows) == 3
    assert all(0 <= row["confidence"] <= 1 and row["distance"] >= 0 for row in rows.values())
    assert rows["near"]["confidence"] > 0.7
    assert rows["near"]["cluster"] != rows["far"]["cluster"]
    assert rows["near"]["second"] not in (None, rows["near"]["cluster"])


def test_a_loaded_model_places_as_the_saved_one(method: str, model: ClusterModel) -> None:
    loaded = METHODS[method].load(model.to_json())
    assert loaded == model
    assert loaded.to_json() == model.to_json()


def test_the_same_customers_in_another_order_and_cut_give_the_same_model(spark: SparkSession, method: str, model: ClusterModel) -> None:
    shuffled = vectors(spark, POINTS[::-1]).repartition(5)
    assert fitted(spark, method, shuffled) == model


def test_clusters_kept_are_numbered_in_the_order_named(method: str, model: ClusterModel) -> None:
    if model.noise is None:
        turned = model.keeping([1, 0]).place(MATRIX).cluster
        assert turned.tolist() == (1 - model.place(MATRIX).cluster).tolist()


def test_totals_count_the_models_customers_and_their_squared_distances(spark: SparkSession) -> None:
    model = CentresModel(((0.0, 0.0), (10.0, 10.0)))
    totals = cluster_totals(model, laid_out(vectors(spark, POINTS), 2)).collect()
    sizes: dict[int, int] = {}
    for row in totals:
        sizes[row["cluster"]] = sizes.get(row["cluster"], 0) + row["customers"]
    assert sizes == {0: 30, 1: 30}
    assert sum(row["squares"] for row in totals) == pytest.approx(float((_STEPS**2).sum()))


def test_a_mixture_gives_each_customer_a_share_in_every_component() -> None:
    # Two components of one variance at -1 and 1: at 0 both are alike, at x the odds are exp(2 x).
    model = MixtureModel((0.5, 0.5), ((-1.0,), (1.0,)), (((1.0,),), ((1.0,),)))
    shares = model.membership(np.array([[0.0], [0.5]]))
    assert shares[0].tolist() == pytest.approx([0.5, 0.5])
    assert shares[1, 1] / shares[1, 0] == pytest.approx(np.e)


def test_a_tree_can_be_cut_elsewhere() -> None:
    centres = ((0.0,), (1.0,), (10.0,), (30.0,))
    model = next(trial.model for trial in METHODS["hierarchical"].tries(np.array(centres), [2], EFFORT))  # type: ignore[misc]
    assert isinstance(model, HierarchyModel)
    assert len(set(model.place(np.array(centres)).cluster.tolist())) == 2
    three = model.cut_into(3).place(np.array(centres)).cluster.tolist()
    assert three[0] == three[1]
    assert len(set(three)) == 3


def test_a_consensus_follows_the_majority() -> None:
    points = np.arange(12.0).reshape(-1, 1)
    halves = Trial({"k": 2}, CentresModel(((2.5,), (8.5,))))
    thirds = Trial({"k": 3}, CentresModel(((1.5,), (5.5,), (9.5,))))
    [found] = try_consensus(points, [halves, halves, halves, thirds], [2, 3], 1)
    assert found.model.place(points).cluster.tolist() in ([0] * 6 + [1] * 6, [1] * 6 + [0] * 6)
    assert try_consensus(points, [halves, thirds], [2], 1) == []


def test_standardised_vectors_are_halved(spark: SparkSession) -> None:
    points = [("a1", -5.0, -5.0), ("a2", -5.0, -4.0), ("b1", 5.0, 4.0), ("b2", 5.0, 5.0)]  # their middle is (0, 0)
    trial = CentresModel(((-9.0, -9.0), (9.0, 9.0)))
    model = METHODS["bisecting_kmeans"].fit(vectors(spark, points), trial, {"k": 2}, EFFORT)
    assert isinstance(model, CentresModel)
    assert sorted(model.centres) == [(-5.0, -4.5), (5.0, 4.5)]
